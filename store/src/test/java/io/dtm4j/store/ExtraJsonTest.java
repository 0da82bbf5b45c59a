package io.dtm4j.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.dtm4j.model.Attempt;
import io.dtm4j.model.Extra;
import io.dtm4j.protocol.TraceContext;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@DisplayNameGeneration(ReplaceUnderscores.class)
class ExtraJsonTest {
  private static final Instant NOW = Instant.parse("2026-03-04T05:06:07.089Z");
  private static final String PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  private static final Attempt FULL =
      new Attempt(2, NOW, Attempt.Kind.UNKNOWN, "x".repeat(Attempt.MAX_TEXT));

  @Test
  void nothing_to_say_takes_no_room() {
    assertThat(ExtraJson.write("", Extra.NONE)).isEmpty();
    assertThat(ExtraJson.read("")).isEqualTo(Extra.NONE);
    assertThat(ExtraJson.read("{\"headers\":{}}")).isEqualTo(Extra.NONE);
  }

  @Test
  void all_members_have_their_names() {
    var extra =
        new Extra(
            NOW,
            3,
            2,
            Map.of("01 action", new Attempt(4, NOW, Attempt.Kind.ONGOING, "wait \"a\" bit")),
            List.of(0, 1, 2, 4, 5),
            true,
            new TraceContext(PARENT, "a=\"1\""),
            Map.of());

    assertThat(ExtraJson.write("", extra))
        .isEqualTo(
            """
            {"dtm4j":{"delay_until":"2026-03-04T05:06:07.089Z","retry_count":3,"parkings":2,\
            "required":[[0,2],4,5],"dirty":true,\
            "traceparent":"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",\
            "tracestate":"a=\\"1\\"","attempts":{"01 action":{"number":4,\
            "at":"2026-03-04T05:06:07.089Z","kind":"ongoing","text":"wait \\"a\\" bit"}}}}\
            """);
    assertThat(ExtraJson.read(ExtraJson.write("", extra))).isEqualTo(extra);
  }

  @Test
  void steps_come_back_in_their_order() {
    for (List<Integer> steps :
        List.of(
            List.<Integer>of(),
            List.of(7),
            List.of(0, 1),
            List.of(3, 4, 5),
            List.of(9, 7, 8, 9, 10, 2, 1, 0),
            IntStream.range(0, 5_000).boxed().toList())) {
      Extra extra = Extra.NONE.withRequired(steps);

      assertThat(ExtraJson.read(ExtraJson.write("", extra))).isEqualTo(extra);
    }
  }

  @Test
  void other_members_of_ext_data_stay() {
    String extData = "{\"headers\":{\"a\":\"b\"},\"rate\":1.50,\"big\":12345678901234567890}";

    String written = ExtraJson.write(extData, Extra.NONE.withParkings(1));

    assertThat(written).isEqualTo(extData.replace("890}", "890,\"dtm4j\":{\"parkings\":1}}"));
    assertThat(ExtraJson.write(written, Extra.NONE)).isEqualTo(extData);
  }

  @Test
  void members_of_a_newer_server_are_carried_along() {
    String newer = "{\"dtm4j\":{\"parkings\":1,\"attention\":{\"since\":\"x\",\"n\":[1.50,null]}}}";

    Extra extra = ExtraJson.read(newer);

    assertThat(extra.parkings()).isEqualTo(1);
    assertThat(extra.unknown()).containsEntry("attention", "{\"since\":\"x\",\"n\":[1.50,null]}");
    assertThat(ExtraJson.write("", extra)).isEqualTo(newer);
  }

  @Test
  void a_trace_without_state_has_one_member() {
    var trace = new TraceContext(PARENT, "");

    String written = ExtraJson.write("", Extra.NONE.withTrace(trace));

    assertThat(written).isEqualTo("{\"dtm4j\":{\"traceparent\":\"" + PARENT + "\"}}");
    assertThat(ExtraJson.read(written).trace()).isEqualTo(trace);
  }

  @ParameterizedTest
  @ValueSource(strings = {"\"00-0-0-01\"", "7", "null", "{}"})
  void a_trace_that_is_none_stops_nothing(String parent) {
    Extra read = ExtraJson.read("{\"dtm4j\":{\"parkings\":1,\"traceparent\":" + parent + "}}");

    assertThat(read).isEqualTo(Extra.NONE.withParkings(1));
  }

  @Test
  void a_kind_of_a_newer_server_counts_as_unknown() {
    String newer =
        "{\"dtm4j\":{\"attempts\":{\"01 action\":"
            + "{\"number\":1,\"at\":\"2026-03-04T05:06:07.089Z\",\"kind\":\"throttled\"}}}}";

    assertThat(ExtraJson.read(newer).attempts())
        .containsEntry("01 action", new Attempt(1, NOW, Attempt.Kind.UNKNOWN, ""));
  }

  @Test
  void the_texts_of_the_oldest_attempts_go_first() {
    var attempts = new HashMap<String, Attempt>();
    for (int i = 0; i < 60; i++) {
      attempts.put(
          i + " action", new Attempt(i, NOW.plusSeconds(i), Attempt.Kind.UNKNOWN, FULL.text()));
    }

    String written = ExtraJson.write("", Extra.NONE.withAttempts(attempts));

    assertThat(sizeOfObject(written)).isBetween(ExtraJson.MAX_BYTES - 600, ExtraJson.MAX_BYTES);
    Map<String, Attempt> read = ExtraJson.read(written).attempts();
    assertThat(read).hasSize(60);
    int texts = (int) read.values().stream().filter(attempt -> !attempt.text().isEmpty()).count();
    assertThat(texts).isBetween(15, 25);
    for (int i = 0; i < 60; i++) {
      String text = i < 60 - texts ? "" : FULL.text();
      assertThat(read)
          .containsEntry(
              i + " action", new Attempt(i, NOW.plusSeconds(i), Attempt.Kind.UNKNOWN, text));
    }
  }

  @Test
  void then_the_oldest_attempts_go() {
    var attempts = new HashMap<String, Attempt>();
    for (int i = 0; i < 10_000; i++) {
      attempts.put(i + " 数据", new Attempt(i, NOW.plusSeconds(i), Attempt.Kind.FAILURE, "数据数据"));
    }
    List<Integer> steps = IntStream.range(0, 5_000).filter(i -> i % 7 != 0).boxed().toList();
    Extra extra = Extra.NONE.withAttempts(attempts).withRequired(steps).withParkings(2);

    String written = ExtraJson.write("", extra);

    assertThat(sizeOfObject(written)).isBetween(ExtraJson.MAX_BYTES - 100, ExtraJson.MAX_BYTES);
    Extra read = ExtraJson.read(written);
    assertThat(read.required()).isEqualTo(steps);
    assertThat(read.parkings()).isEqualTo(2);
    int kept = read.attempts().size();
    assertThat(kept).isBetween(10, 200);
    for (int i = 10_000 - kept; i < 10_000; i++) {
      assertThat(read.attempts()).containsKey(i + " 数据");
    }
  }

  @Test
  void what_the_rules_need_stays_however_large() {
    List<Integer> steps = IntStream.range(0, 9_000).filter(i -> i % 2 == 0).boxed().toList();
    Extra extra = Extra.NONE.withAttempts(Map.of("01 action", FULL)).withRequired(steps);

    Extra read = ExtraJson.read(ExtraJson.write("", extra));

    assertThat(read).isEqualTo(Extra.NONE.withRequired(steps));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "no json",
        "{} {}",
        "[]",
        "1",
        "{\"dtm4j\":7}",
        "{\"dtm4j\":{\"delay_until\":\"tomorrow\"}}",
        "{\"dtm4j\":{\"retry_count\":\"1\"}}",
        "{\"dtm4j\":{\"required\":[0.5]}}",
        "{\"dtm4j\":{\"required\":[[1]]}}",
        "{\"dtm4j\":{\"attempts\":[]}}",
        "{\"dtm4j\":{\"attempts\":{\"01 action\":{\"number\":1}}}}"
      })
  void other_text_is_refused(String extData) {
    assertThatIllegalArgumentException().isThrownBy(() -> ExtraJson.read(extData));
  }

  private static int sizeOfObject(String extData) {
    int around = "{\"dtm4j\":}".length();
    return extData.getBytes(StandardCharsets.UTF_8).length - around;
  }
}
