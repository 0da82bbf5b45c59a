package io.dtm4j.server.tracing;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import io.opentelemetry.sdk.common.CompletableResultCode;
import io.opentelemetry.sdk.trace.data.SpanData;
import io.opentelemetry.sdk.trace.export.SpanExporter;
import java.net.ConnectException;
import java.util.AbstractList;
import java.util.Collection;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Test;
import org.slf4j.LoggerFactory;

@DisplayNameGeneration(ReplaceUnderscores.class)
class TellingExporterTest {
  private static final String LOST = "spans do not reach the collector and are lost, ";

  /** Ends an export as it is told to. */
  private static final class Ending implements SpanExporter {
    CompletableResultCode result = CompletableResultCode.ofSuccess();

    @Override
    public CompletableResultCode export(Collection<SpanData> spans) {
      return result;
    }

    @Override
    public CompletableResultCode flush() {
      return result;
    }

    @Override
    public CompletableResultCode shutdown() {
      return result;
    }
  }

  private final Ending collector = new Ending();
  private final ListAppender<ILoggingEvent> logged = new ListAppender<>();
  private long now = Long.MAX_VALUE - 5; // it may overflow
  private final TellingExporter exporter = new TellingExporter(collector, () -> now);

  private static Logger logger() {
    return (Logger) LoggerFactory.getLogger(TellingExporter.class);
  }

  @BeforeEach
  void listen() {
    logged.start();
    logger().setLevel(Level.INFO);
    logger().addAppender(logged);
  }

  @AfterEach
  void stop() {
    logger().detachAppender(logged);
    logger().setLevel(null); // as the root
  }

  private void export(int spans) {
    exporter.export(
        new AbstractList<>() {
          @Override
          public SpanData get(int index) {
            throw new UnsupportedOperationException("only their number counts");
          }

          @Override
          public int size() {
            return spans;
          }
        });
  }

  private void fail(String message) {
    collector.result =
        CompletableResultCode.ofExceptionalFailure(
            new Exception("of the library", new ConnectException(message)));
  }

  private List<String> lines() {
    return logged.list.stream()
        .map(event -> event.getFormattedMessage() + " " + event.getKeyValuePairs())
        .toList();
  }

  @Test
  void a_collector_that_is_there_is_nothing_to_tell() {
    export(3);

    assertThat(logged.list).isEmpty();
  }

  @Test
  void a_collector_that_is_away_is_told_once_in_ten_minutes() {
    fail("refused");
    export(3);
    now += TellingExporter.AGAIN_AFTER.minusNanos(1).toNanos();
    export(4);
    assertThat(lines()).singleElement().asString().startsWith(LOST).contains("3", "refused");
    assertThat(logged.list.getFirst().getThrowableProxy()).isNull();

    now += 1;
    export(5);

    assertThat(lines()).hasSize(2);
    assertThat(lines().get(1)).startsWith(LOST).contains("spans=\"9\"");
  }

  @Test
  void its_return_is_told_and_its_next_absence_too() {
    fail("refused");
    export(1);
    collector.result = CompletableResultCode.ofSuccess();
    export(1);
    export(1);
    fail("timeout");
    export(2);

    assertThat(lines()).hasSize(3);
    assertThat(lines().get(1)).startsWith("spans reach the collector again");
    assertThat(lines().get(2)).startsWith(LOST).contains("spans=\"2\"", "timeout");
  }

  @Test
  void an_export_is_told_when_it_ends() {
    collector.result = new CompletableResultCode();
    export(1);
    assertThat(logged.list).isEmpty();

    collector.result.fail();

    assertThat(lines()).singleElement().asString().contains("does not accept them");
  }
}
