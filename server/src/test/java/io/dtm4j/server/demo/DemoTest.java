package io.dtm4j.server.demo;

import static org.assertj.core.api.Assertions.assertThat;

import io.dtm4j.server.FreePorts;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Test;

@DisplayNameGeneration(ReplaceUnderscores.class)
class DemoTest {
  private static final int COLUMNS = 80;

  @Test
  void all_three_transfers_come_as_they_should_and_fit_on_a_plain_terminal() throws Exception {
    var out = new ByteArrayOutputStream();
    try (var folder = TemporaryFolder.create("dtm4j-demo-test-")) {
      var demo = new Demo(false, new PrintStream(out, true, StandardCharsets.UTF_8));

      assertThat(
              demo.play(folder.serverConfig(FreePorts.next(), folder.path().resolve("unused.log"))))
          .isEmpty();
    }
    String text = out.toString(StandardCharsets.UTF_8);
    assertThat(text.lines()).allMatch(line -> line.length() <= COLUMNS);
    assertThat(text)
        .doesNotContain("\u001b")
        .contains("transfer-1 has committed", "transfer-2 was rolled back", "together 200");
  }
}
