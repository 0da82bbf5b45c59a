package io.dtm4j.protocol;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What SDKs write into {@code custom_data}: docs/spec/sdk-matrix.md 5.4. */
@DisplayNameGeneration(ReplaceUnderscores.class)
class CustomDataTest {
  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "null",
        "{}",
        "{\"concurrent\":null}",
        "{\"orders\":null}",
        "{\"orders\":{}}",
        "{\"orders\":null,\"concurrent\":false,\"note\":[1]}"
      })
  void without_concurrent_and_orders_a_saga_is_sequential(String customData) {
    assertThat(CustomData.saga(customData)).isEqualTo(CustomData.Saga.SEQUENTIAL);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{\"concurrent\":true,\"orders\":{\"2\":[0,1],\"1\":null}}",
        "{\"orders\":{\"1\":[],\"2\":[0,1]},\"concurrent\":true}"
      })
  void orders_stand_anywhere(String customData) {
    assertThat(CustomData.saga(customData))
        .isEqualTo(new CustomData.Saga(true, Map.of(1, List.of(), 2, List.of(0, 1))));
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "null", "{}", "{\"delay\":null}", "{\"delay\":0,\"note\":{}}"})
  void without_a_delay_there_is_none(String customData) {
    assertThat(CustomData.delay(customData)).isZero();
  }

  /** docs/spec/client-protocol.md 11.2: the order of the members does not matter. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "{\"data\":\"aGk=\",\"name\":\"buy\"}",
        "{\"name\":\"buy\",\"data\":\"aGk=\",\"note\":[{}]}"
      })
  void a_workflow_has_name_and_data_in_any_order(String customData) {
    CustomData.Workflow workflow = CustomData.workflow(customData);

    assertThat(workflow.name()).isEqualTo("buy");
    assertThat(new String(workflow.data(), StandardCharsets.UTF_8)).isEqualTo("hi");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{\"name\":\"buy\"}",
        "{\"data\":null,\"name\":\"buy\"}",
        "{\"name\":\"buy\",\"data\":\"\"}"
      })
  void a_workflow_may_have_no_data(String customData) {
    assertThat(CustomData.workflow(customData).data()).isEmpty();
  }
}
