package io.dtm4j.protocol;

import org.jspecify.annotations.Nullable;

/** The mode of a global transaction; {@code trans_type} on the wire. */
public enum TransType {
  SAGA("saga"),
  TCC("tcc"),
  XA("xa"),
  MSG("msg"),
  WORKFLOW("workflow");

  private final String wireName;

  TransType(String wireName) {
    this.wireName = wireName;
  }

  public String wireName() {
    return wireName;
  }

  /** The type of that name on the wire, or null when there is none. */
  public static @Nullable TransType of(String wireName) {
    for (TransType type : values()) {
      if (type.wireName.equals(wireName)) {
        return type;
      }
    }
    return null;
  }
}
