package io.dtm4j.store.redis;

import io.dtm4j.protocol.Gid;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Texts as bytes, so that every text comes back exactly: UTF-8, and where that cannot be (half of a
 * surrogate pair) a byte that UTF-8 never has, then UTF-16.
 */
final class Texts {
  private static final byte NOT_UTF_8 = (byte) 0xFF;

  private Texts() {}

  static byte[] bytes(String text) {
    if (isUnicode(text)) {
      return text.getBytes(StandardCharsets.UTF_8);
    }
    ByteBuffer bytes = ByteBuffer.allocate(1 + text.length() * Character.BYTES).put(NOT_UTF_8);
    for (int i = 0; i < text.length(); i++) {
      bytes.putChar(text.charAt(i));
    }
    return bytes.array();
  }

  private static boolean isUnicode(String text) {
    for (int i = 0; i < text.length(); i++) {
      char unit = text.charAt(i);
      if (Character.isSurrogate(unit)) {
        if (i + 1 == text.length() || !Character.isSurrogatePair(unit, text.charAt(i + 1))) {
          return false;
        }
        i++;
      }
    }
    return true;
  }

  /** The gid that these bytes are; null: they are none. */
  static @Nullable Gid gid(byte[] bytes) {
    String text;
    try {
      text = text(bytes);
    } catch (BufferUnderflowException _) { // half a character
      return null;
    }
    boolean isGid =
        !text.isEmpty()
            && text.length() <= Gid.MAX_LENGTH
            && Arrays.equals(bytes(text), bytes); // else what it is not is written with U+FFFD
    return isGid ? new Gid(text) : null;
  }

  static String text(byte[] bytes) {
    if (bytes.length == 0 || bytes[0] != NOT_UTF_8) {
      return new String(bytes, StandardCharsets.UTF_8);
    }
    var text = new StringBuilder();
    for (ByteBuffer units = ByteBuffer.wrap(bytes, 1, bytes.length - 1); units.hasRemaining(); ) {
      text.append(units.getChar());
    }
    return text.toString();
  }
}
