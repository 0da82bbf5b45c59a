package io.dtm4j.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.dtm4j.model.Branch;
import io.dtm4j.model.BranchKey;
import io.dtm4j.protocol.BranchRequest;
import io.dtm4j.protocol.BranchStatus;
import io.dtm4j.protocol.ErrorCode;
import io.dtm4j.protocol.Gid;
import io.dtm4j.protocol.Op;
import io.dtm4j.protocol.Payload;
import io.dtm4j.protocol.Reply;
import io.dtm4j.protocol.TransType;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;

/** Branches of clients: docs/spec/http-api.md 4.7, docs/spec/transactions.md 1.3. */
@DisplayNameGeneration(ReplaceUnderscores.class)
class RegistrationTest {
  private static final Instant NOW = Play.START;

  private static BranchRequest tcc(String gid, String id, String confirm, String cancel) {
    return new BranchRequest(
        gid, "tcc", id, Payload.of("data"), confirm, cancel, "", "", "prepared");
  }

  private static BranchRequest xa(String id, String url) {
    return new BranchRequest("g", "xa", id, Payload.EMPTY, "", "", url, "", "");
  }

  private static BranchRequest step(String id, String op, String status) {
    return new BranchRequest("g", "workflow", id, Payload.of("größe"), "", "", "", op, status);
  }

  private static BranchRequest ofType(String type) {
    return new BranchRequest("g", type, "01", Payload.EMPTY, "", "", "", "", "");
  }

  @Test
  void a_tcc_branch_has_a_row_to_cancel_and_one_to_confirm() throws Exception {
    Registration branch = Registration.of(tcc("g", "0102", "http://s/k", "http://s/x"), NOW);

    Payload data = Payload.of("data");
    assertThat(branch)
        .isEqualTo(
            new Registration(
                new Gid("g"),
                TransType.TCC,
                List.of(
                    Branch.open(new BranchKey("0102", Op.CANCEL), "http://s/x", data, NOW),
                    Branch.open(new BranchKey("0102", Op.CONFIRM), "http://s/k", data, NOW))));
    assertThat(branch.rows().get(0).payload()).isSameAs(branch.rows().get(1).payload());
  }

  @Test
  void an_xa_branch_has_a_row_to_roll_back_and_one_to_commit_at_the_same_url() throws Exception {
    Registration branch = Registration.of(xa("01", "http://s/b"), NOW);

    assertThat(branch)
        .isEqualTo(
            new Registration(
                new Gid("g"),
                TransType.XA,
                List.of(
                    Branch.open(new BranchKey("01", Op.ROLLBACK), "http://s/b", Payload.EMPTY, NOW),
                    Branch.open(
                        new BranchKey("01", Op.COMMIT), "http://s/b", Payload.EMPTY, NOW))));
  }

  @Test
  void a_step_of_a_workflow_is_one_row_with_its_outcome() throws Exception {
    Registration failed = Registration.of(step("01", "any op", "failed"), NOW);
    Registration done = Registration.of(step("", "action", "succeed"), NOW);

    Payload data = Payload.of("größe");
    assertThat(failed.rows())
        .containsExactly(
            new Branch(
                new BranchKey("01", new Op("any op")), "", data, BranchStatus.FAILED, NOW, NOW));
    assertThat(done.rows())
        .containsExactly(
            new Branch(new BranchKey("", Op.ACTION), "", data, BranchStatus.SUCCEED, NOW, NOW));
  }

  @Test
  void what_is_exactly_as_long_as_allowed_is_taken() throws Exception {
    Registration.of(tcc("g".repeat(128), "1".repeat(128), "", ""), NOW);
    Registration.of(step("1".repeat(128), "o".repeat(45), "succeed"), NOW);
  }

  record Refusal(String what, BranchRequest request, ErrorCode code, String message) {
    @Override
    public String toString() {
      return what;
    }
  }

  static final List<Refusal> REFUSALS =
      List.of(
          new Refusal("no gid", tcc("", "01", "", ""), ErrorCode.BAD_REQUEST, "gid is missing"),
          new Refusal(
              "long gid",
              tcc("g".repeat(129), "01", "", ""),
              ErrorCode.LIMIT_EXCEEDED,
              "gid of 129 characters (limit: 128)"),
          new Refusal(
              "no type",
              ofType(""),
              ErrorCode.UNKNOWN_TRANS_TYPE,
              "unknown trans_type (expected: saga, tcc, xa, msg or workflow)"),
          new Refusal(
              "saga",
              ofType("saga"),
              ErrorCode.BAD_REQUEST,
              "trans_type: saga (expected: tcc, xa or workflow)"),
          new Refusal(
              "message",
              ofType("msg"),
              ErrorCode.BAD_REQUEST,
              "trans_type: msg (expected: tcc, xa or workflow)"),
          new Refusal(
              "tcc without a branch id",
              tcc("g", "", "", ""),
              ErrorCode.BAD_REQUEST,
              "branch_id is missing"),
          new Refusal(
              "xa without a branch id", xa("", ""), ErrorCode.BAD_REQUEST, "branch_id is missing"),
          new Refusal(
              "broken branch id",
              step("\uFFFD", "action", "succeed"),
              ErrorCode.BAD_REQUEST,
              "branch_id has characters that are not Unicode (U+FFFD or worse)"),
          new Refusal(
              "broken op",
              step("01", "\uFFFD", "succeed"),
              ErrorCode.BAD_REQUEST,
              "op has characters that are not Unicode (U+FFFD or worse)"),
          new Refusal(
              "branch id with NUL",
              step("\0", "action", "succeed"),
              ErrorCode.BAD_REQUEST,
              "branch_id has a NUL character or half of a surrogate pair"),
          new Refusal(
              "op with NUL",
              step("01", "\0", "succeed"),
              ErrorCode.BAD_REQUEST,
              "op has a NUL character or half of a surrogate pair"),
          new Refusal(
              "url with NUL",
              tcc("g", "01", "http://s/\0", ""),
              ErrorCode.BAD_REQUEST,
              "confirm: url with a NUL character or half of a surrogate pair"),
          new Refusal(
              "long branch id",
              step("1".repeat(129), "action", "succeed"),
              ErrorCode.LIMIT_EXCEEDED,
              "branch_id of 129 characters (limit: 128)"),
          new Refusal(
              "confirm url",
              tcc("g", "01", "s/k", ""),
              ErrorCode.BAD_REQUEST,
              "confirm: url without http:// or https:// and a host"),
          new Refusal(
              "cancel url",
              tcc("g", "01", "", "http://"),
              ErrorCode.BAD_REQUEST,
              "cancel: url without http:// or https:// and a host"),
          new Refusal(
              "xa url",
              xa("01", "bank"),
              ErrorCode.BAD_REQUEST,
              "rollback: url without http:// or https:// and a host"),
          new Refusal("no op", step("01", "", "succeed"), ErrorCode.BAD_REQUEST, "op is missing"),
          new Refusal(
              "long op",
              step("01", "o".repeat(46), "succeed"),
              ErrorCode.LIMIT_EXCEEDED,
              "op of 46 characters (limit: 45)"),
          new Refusal(
              "no status",
              step("01", "action", ""),
              ErrorCode.BAD_REQUEST,
              "status is neither succeed nor failed"),
          new Refusal(
              "step that is not over",
              step("01", "action", "prepared"),
              ErrorCode.BAD_REQUEST,
              "status is neither succeed nor failed"));

  @ParameterizedTest
  @FieldSource("REFUSALS")
  void what_describes_no_branch_is_refused(Refusal refusal) {
    RefusedException refused =
        catchThrowableOfType(RefusedException.class, () -> Registration.of(refusal.request(), NOW));

    assertThat(refused.reply()).isEqualTo(new Reply.Failed(refusal.code(), refusal.message()));
  }
}
