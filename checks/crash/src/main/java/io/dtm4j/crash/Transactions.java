package io.dtm4j.crash;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.dtm4j.crash.BankParticipants.Step;
import java.net.URI;
import java.util.Base64;
import java.util.List;

/** Bodies of requests, as clients send them. */
final class Transactions {
  /** What workflows are called; a call that resumes one has it as its op. */
  static final String WORKFLOW = "transfer";

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

  /** Submitted over HTTP, as are the others. */
  ObjectNode grpcSaga(String gid, List<Step> steps) {
    ObjectNode saga = body(gid, "saga").put("protocol", "grpc");
    return with(steps, saga, URI.create(bank.url()).getAuthority() + "/bank.Bank");
  }

  ObjectNode message(String gid, List<Step> steps) {
    return with(steps, body(gid, "msg")).put("query_prepared", bank.url() + "/check");
  }

  /** The first step, then one for each subscriber. */
  ObjectNode messageToTopic(String gid, Step first, Step each) {
    ObjectNode message = message(gid, List.of(first));
    message.withArray("steps").addObject().put("action", "topic://" + topic());
    message.withArray("payloads").add(each.payload());
    return message;
  }

  /** Of this bank alone: the server remembers the subscribers of those before it. */
  String topic() {
    return "transfers-" + URI.create(bank.url()).getPort();
  }

  /** The urls that subscribe to the topic. */
  List<String> subscribers() {
    return List.of(bank.url() + "/act", bank.url() + "/act-too");
  }

  ObjectNode twoPhases(String gid, Kind kind) {
    return body(gid, kind.isTcc() ? "tcc" : "xa");
  }

  ObjectNode branch(String gid, Kind kind, String branchId, Step step) {
    ObjectNode branch = twoPhases(gid, kind).put("branch_id", branchId);
    return kind.isTcc()
        ? branch
            .put("data", step.payload())
            .put("confirm", bank.url() + "/confirm")
            .put("cancel", bank.url() + "/cancel")
        : branch.put("url", bank.url() + "/xa");
  }

  /** Its input is what it does. */
  ObjectNode workflow(String gid, List<Step> steps) {
    ArrayNode input = JSON.createArrayNode();
    steps.forEach(step -> input.add(step.payload()));
    String data = Base64.getEncoder().encodeToString(input.toString().getBytes(UTF_8));
    return body(gid, "workflow")
        .put("query_prepared", bank.url() + "/resume")
        .put("custom_data", "{\"name\":\"" + WORKFLOW + "\",\"data\":\"" + data + "\"}");
  }

  ObjectNode recorded(String gid, String branchId, String op, boolean done) {
    return body(gid, "workflow")
        .put("branch_id", branchId)
        .put("op", op)
        .put("status", done ? "succeed" : "failed");
  }

  ObjectNode end(String gid, boolean succeeds) {
    ObjectNode end = body(gid, "workflow");
    end.putObject("req_extra").put("status", succeeds ? "succeed" : "failed");
    return end;
  }

  private static ObjectNode body(String gid, String type) {
    return JSON.createObjectNode().put("gid", gid).put("trans_type", type);
  }

  private ObjectNode with(List<Step> steps, ObjectNode body) {
    return with(steps, body, bank.url());
  }

  private static ObjectNode with(List<Step> steps, ObjectNode body, String address) {
    for (Step step : steps) {
      body.withArray("steps")
          .addObject()
          .put("action", address + "/act")
          .put("compensate", address + "/undo");
      body.withArray("payloads").add(step.payload());
    }
    return body;
  }
}
