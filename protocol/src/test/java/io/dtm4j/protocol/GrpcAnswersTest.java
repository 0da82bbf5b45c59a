package io.dtm4j.protocol;

import static org.assertj.core.api.Assertions.assertThat;

import io.dtm4j.protocol.BranchAnswer.Failure;
import io.dtm4j.protocol.BranchAnswer.Ongoing;
import io.dtm4j.protocol.BranchAnswer.Success;
import io.dtm4j.protocol.BranchAnswer.Unknown;
import java.util.List;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;

@DisplayNameGeneration(ReplaceUnderscores.class)
class GrpcAnswersTest {
  record Row(int code, String message, BranchAnswer answer) {}

  /** docs/spec/grpc-api.md 4, branch to server. */
  static final List<Row> ROWS =
      List.of(
          new Row(0, "FAILURE", Success.INSTANCE),
          new Row(10, "ONGOING", new Ongoing("ONGOING")),
          new Row(10, "ONGOING ", new Failure("ONGOING  FAILURE")),
          new Row(10, "full", new Failure("full FAILURE")),
          new Row(10, "full FAILURE", new Failure("full FAILURE")),
          new Row(10, "FAILURE", new Failure("FAILURE FAILURE")),
          new Row(10, "", new Failure("FAILURE")),
          new Row(9, "FAILURE", new Ongoing("FAILURE")),
          new Row(2, "ONGOING", new Unknown("X: ONGOING")),
          new Row(4, "", new Unknown("X")),
          new Row(13, "FAILURE", new Unknown("X: FAILURE")),
          new Row(14, "down", new Unknown("X: down")));

  @ParameterizedTest
  @FieldSource("ROWS")
  void the_meaning_of(Row row) {
    assertThat(GrpcAnswers.classify(row.code(), "X", row.message())).isEqualTo(row.answer());
  }
}
