package io.dtm4j.crash;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.dtm4j.crash.BankParticipants.Step;
import java.util.List;

/** Bodies of requests, as clients send them. */
final class Transactions {
  private static final ObjectMapper JSON = new ObjectMapper();

  private final BankParticipants bank;

  Transactions(BankParticipants bank) {
    this.bank = bank;
  }

  ObjectNode saga(String gid, List<Step> steps) {
    return with(steps, body(gid, "saga"));
  }

  /** All steps at the same time, but the last one waits for the first. */
  ObjectNode concurrentSaga(String gid, List<Step> steps) {
    return saga(gid, steps)
        .put(
            "custom_data", "{\"concurrent\":true,\"orders\":{\"" + (steps.size() - 1) + "\":[0]}}");
  }

  ObjectNode message(String gid, List<Step> steps) {
    return with(steps, body(gid, "msg")).put("query_prepared", bank.url() + "/check");
  }

  private static ObjectNode body(String gid, String type) {
    return JSON.createObjectNode().put("gid", gid).put("trans_type", type);
  }

  private ObjectNode with(List<Step> steps, ObjectNode body) {
    for (Step step : steps) {
      body.withArray("steps")
          .addObject()
          .put("action", bank.url() + "/act")
          .put("compensate", bank.url() + "/undo");
      body.withArray("payloads").add(step.payload());
    }
    return body;
  }
}
