package io.dtm4j.bench;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.dtm4j.bench.HttpPosts.Post;
import java.util.Base64;
import java.util.List;
import java.util.Optional;

/**
 * All works, an entry each, with the requests that an SDK sends for such a transaction
 * (docs/spec/client-protocol.md). One that posts JSON is a list of posts; one of another protocol
 * brings its own {@link Work.Performer}.
 */
final class Works {
  private static final String PAYLOAD =
      """
      {"user":17,"amount":30,"currency":"EUR","memo":"bench payload of about one hundred bytes"}""";

  /** What the participants of this process answer. */
  private static final String ANSWER = "{\"dtm_result\":\"SUCCESS\"}";

  static final List<Work> ALL =
      List.of(
          posts("saga2", "waited saga of two branches", true, 2, submit(200, saga("ok", true))),
          posts(
              "rollback2",
              "waited saga whose second step refuses; the answer must be 409",
              true,
              4, // the refused step is compensated, too
              submit(409, saga("refuse", true))),
          posts(
              "msg1",
              "waited message with one branch",
              true,
              1,
              submit(
                  200,
                  """
                  {"gid":"{gid}","trans_type":"msg","wait_result":true,\
                  "steps":[{"action":"{participants}/ok/in"}],"payloads":["%s"]}"""
                      .formatted(quoted(PAYLOAD)))),
          posts(
              "tcc2",
              "waited TCC of two branches: prepare, two registrations, two tries, submit",
              true,
              4,
              new Post("/prepare", 200, waited("tcc")),
              registerTccBranch("01"),
              callBranch("tcc", "01", "op=try&dtm={server}"),
              registerTccBranch("02"),
              callBranch("tcc", "02", "op=try&dtm={server}"),
              submit(200, waited("tcc"))),
          posts(
              "xa2",
              "waited XA of two branches that register and have no database",
              true,
              4,
              new Post("/prepare", 200, waited("xa")),
              callXaBranch("01"),
              registerXaBranch("01"),
              callXaBranch("02"),
              registerXaBranch("02"),
              submit(200, waited("xa"))),
          posts(
              "wf2",
              "workflow of two recorded steps, until its end is stored",
              true,
              2,
              prepareWorkflow(),
              callBranch("workflow", "01", "op=action"),
              recordStep("01"),
              callBranch("workflow", "02", "op=action"),
              recordStep("02"),
              submitWorkflow()),
          posts(
              "submit2",
              "saga of two branches, not waited for: counts accepted transactions",
              false,
              2,
              submit(200, saga("ok", false))),
          new Work(
              "grpc-saga2",
              "waited saga of two gRPC branches, submitted over gRPC",
              true,
              true,
              2,
              GrpcSaga::new));

  // What this process warms up with, against nothing but its own participants.
  private static final Work ITSELF = posts("itself", "", true, 0, submit(200, saga("ok", true)));
  private static final Work ITSELF_OVER_GRPC = new Work("itself", "", true, true, 0, GrpcSaga::new);

  private Works() {}

  static Optional<Work> named(String name) {
    return ALL.stream().filter(work -> work.name().equals(name)).findFirst();
  }

  /** The work to warm up with for another one. */
  static Work itself(Work work) {
    return work.overGrpc() ? ITSELF_OVER_GRPC : ITSELF;
  }

  private static Work posts(
      String name, String meaning, boolean waited, int branchCalls, Post... posts) {
    return new Work(
        name, meaning, waited, false, branchCalls, site -> new HttpPosts(site, List.of(posts)));
  }

  private static Post submit(int expected, String body) {
    return new Post("/submit", expected, body);
  }

  private static String saga(String second, boolean waited) {
    return """
    {"gid":"{gid}","trans_type":"saga","wait_result":%s,"steps":[\
    {"action":"{participants}/ok/out","compensate":"{participants}/ok/outback"},\
    {"action":"{participants}/%s/in","compensate":"{participants}/ok/inback"}],\
    "payloads":["%s","%s"]}"""
        .formatted(waited, second, quoted(PAYLOAD), quoted(PAYLOAD));
  }

  /** The body of both prepare and submit: an SDK names the options in either. */
  private static String waited(String type) {
    return "{\"gid\":\"{gid}\",\"trans_type\":\"%s\",\"wait_result\":true}".formatted(type);
  }

  /** What the application itself calls, without the server. */
  private static Post callBranch(String type, String branchId, String more) {
    return new Post(
        "{participants}/ok/branch?gid={gid}&trans_type=%s&branch_id=%s&%s"
            .formatted(type, branchId, more),
        200,
        PAYLOAD);
  }

  private static Post registerTccBranch(String branchId) {
    return register(
        "tcc",
        branchId,
        """
        "status":"prepared","data":"%s",\
        "confirm":"{participants}/ok/confirm","cancel":"{participants}/ok/cancel\""""
            .formatted(quoted(PAYLOAD)));
  }

  private static Post callXaBranch(String branchId) {
    return callBranch("xa", branchId, "op=action&dtm={server}&phase2_url={participants}/ok/branch");
  }

  /**
   * An XA branch registers itself while it is called. Here the client does it, directly after the
   * call: the server gets the same request at the same point.
   */
  private static Post registerXaBranch(String branchId) {
    return register("xa", branchId, "\"url\":\"{participants}/ok/branch\"");
  }

  private static Post prepareWorkflow() {
    String input = "{\"data\":\"%s\",\"name\":\"bench\"}".formatted(base64(PAYLOAD));
    return new Post(
        "/prepareWorkflow",
        200,
        """
        {"gid":"{gid}","trans_type":"workflow","protocol":"http",\
        "query_prepared":"{participants}/ok/resume","custom_data":"%s"}"""
            .formatted(quoted(input)));
  }

  private static Post recordStep(String branchId) {
    return register(
        "workflow",
        branchId,
        "\"op\":\"action\",\"status\":\"succeed\",\"data\":\"%s\"".formatted(quoted(ANSWER)));
  }

  private static Post submitWorkflow() {
    return submit(
        200,
        """
        {"gid":"{gid}","trans_type":"workflow",\
        "req_extra":{"status":"succeed","rollback_reason":"","result":"%s"}}"""
            .formatted(base64(ANSWER)));
  }

  private static Post register(String type, String branchId, String members) {
    return new Post(
        "/registerBranch",
        200,
        "{\"gid\":\"{gid}\",\"trans_type\":\"%s\",\"branch_id\":\"%s\",%s}"
            .formatted(type, branchId, members));
  }

  /** As it stands inside a JSON string. */
  private static String quoted(String json) {
    return json.replace("\"", "\\\"");
  }

  private static String base64(String text) {
    return Base64.getEncoder().encodeToString(text.getBytes(UTF_8));
  }
}
