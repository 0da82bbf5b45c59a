package io.dtm4j.protocol;

import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * How an application ends its workflow: {@code req_extra} of a submit (docs/spec/http-api.md 4.4).
 *
 * @param status {@link GlobalStatus#SUCCEED} or {@link GlobalStatus#FAILED}
 * @param reason why it failed; "" when nothing is said
 * @param result base64 of what it returns, by the word of the application; "" when there is
 *     nothing. What is no base64 is kept as it came: the reference does, and an application that
 *     cannot end its workflow would be called back for ever
 */
public record WorkflowEnd(GlobalStatus status, String reason, String result) {
  /** The end that these entries tell; null when they name no final status. */
  public static @Nullable WorkflowEnd of(Map<String, String> reqExtra) {
    String status = reqExtra.getOrDefault("status", "");
    for (GlobalStatus end : GlobalStatus.values()) {
      if (end.isFinal() && end.wireName().equals(status)) {
        return new WorkflowEnd(
            end, reqExtra.getOrDefault("rollback_reason", ""), reqExtra.getOrDefault("result", ""));
      }
    }
    return null;
  }
}
