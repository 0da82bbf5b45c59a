package io.dtm4j.protocol;

/**
 * What a branch row, or a call, does: {@code op} on the wire. A workflow may use names of its own.
 *
 * @param wireName the text on the wire
 */
public record Op(String wireName) {
  public static final Op ACTION = new Op("action");
  public static final Op COMPENSATE = new Op("compensate");
  public static final Op CONFIRM = new Op("confirm");
  public static final Op CANCEL = new Op("cancel");
  public static final Op COMMIT = new Op("commit");
  public static final Op ROLLBACK = new Op("rollback");

  /** The op of a check-back call; no row has it (docs/spec/branch-calls.md 1). */
  public static final Op CHECK_BACK = new Op("msg");

  /** The op of that name; the frequent ones are shared instances. */
  public static Op of(String wireName) {
    return switch (wireName) {
      case "action" -> ACTION;
      case "compensate" -> COMPENSATE;
      case "confirm" -> CONFIRM;
      case "cancel" -> CANCEL;
      case "commit" -> COMMIT;
      case "rollback" -> ROLLBACK;
      default -> new Op(wireName);
    };
  }

  @Override
  public String toString() {
    return wireName;
  }
}
