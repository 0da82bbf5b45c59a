package io.dtm4j.bench;

import io.dtm4j.bench.HttpPosts.Post;
import java.util.List;
import java.util.Optional;

/**
 * All works, an entry each. One that posts JSON is a list of posts; one of another protocol brings
 * its own {@link Work.Performer}.
 */
final class Works {
  private static final String PAYLOAD =
      """
      {"user":17,"amount":30,"currency":"EUR","memo":"bench payload of about one hundred bytes"}"""
          .replace("\"", "\\\"");

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
                      .formatted(PAYLOAD))),
          posts(
              "tcc2",
              "waited TCC of two branches: prepare, two registrations, two tries, submit",
              true,
              4,
              new Post("/prepare", 200, "{\"gid\":\"{gid}\",\"trans_type\":\"tcc\"}"),
              registerTccBranch("01"),
              tryBranch(),
              registerTccBranch("02"),
              tryBranch(),
              submit(200, "{\"gid\":\"{gid}\",\"trans_type\":\"tcc\",\"wait_result\":true}")),
          posts(
              "submit2",
              "saga of two branches, not waited for: counts accepted transactions",
              false,
              2,
              submit(200, saga("ok", false))));

  /** What this process warms up with, against nothing but its own participants. */
  static final Work ITSELF = posts("itself", "", true, 0, submit(200, saga("ok", true)));

  private Works() {}

  static Optional<Work> named(String name) {
    return ALL.stream().filter(work -> work.name().equals(name)).findFirst();
  }

  private static Work posts(
      String name, String meaning, boolean waited, int branchCalls, Post... posts) {
    return new Work(
        name, meaning, waited, branchCalls, site -> new HttpPosts(site, List.of(posts)));
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
        .formatted(waited, second, PAYLOAD, PAYLOAD);
  }

  private static Post registerTccBranch(String branchId) {
    return new Post(
        "/registerBranch",
        200,
        """
        {"gid":"{gid}","trans_type":"tcc","branch_id":"%s","status":"prepared","data":"%s",\
        "confirm":"{participants}/ok/confirm","cancel":"{participants}/ok/cancel"}"""
            .formatted(branchId, PAYLOAD));
  }

  private static Post tryBranch() {
    return new Post("{participants}/ok/try?gid={gid}", 200, "{}");
  }
}
