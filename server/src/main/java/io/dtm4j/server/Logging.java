package io.dtm4j.server;

import ch.qos.logback.classic.AsyncAppender;
import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.encoder.PatternLayoutEncoder;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.ConsoleAppender;
import ch.qos.logback.core.FileAppender;
import ch.qos.logback.core.OutputStreamAppender;
import ch.qos.logback.core.encoder.Encoder;
import ch.qos.logback.core.rolling.RollingFileAppender;
import ch.qos.logback.core.rolling.SizeAndTimeBasedRollingPolicy;
import ch.qos.logback.core.util.FileSize;
import io.dtm4j.server.config.ServerConfig.Log;
import io.dtm4j.server.config.ServerConfig.Log.Rotation;
import org.slf4j.LoggerFactory;
import org.slf4j.bridge.SLF4JBridgeHandler;

/**
 * Where log lines go: logback, set up by the configuration instead of a file. Event loops only hand
 * lines over; when the outputs cannot keep up, lines are dropped rather than transactions held up.
 */
public final class Logging {
  private static final String TEXT =
      "%d{yyyy-MM-dd'T'HH:mm:ss.SSSXXX} %-5level %logger{0}: %msg %kvp%n%ex";
  private static final int QUEUE = 8_192;

  private Logging() {}

  /**
   * Replaces what was set up before.
   *
   * @throws StartException when an output cannot be written
   */
  public static void start(Log config) {
    var context = (LoggerContext) LoggerFactory.getILoggerFactory();
    context.reset();
    var queue = new AsyncAppender();
    queue.setContext(context);
    queue.setQueueSize(QUEUE);
    queue.setNeverBlock(true);
    var outputs = new Outputs(context, config);
    for (String output : config.outputs()) {
      queue.addAppender(outputs.appender(output));
    }
    queue.start();
    Logger root = context.getLogger(Logger.ROOT_LOGGER_NAME);
    root.setLevel(Level.toLevel(config.level().name()));
    root.addAppender(queue);
    // Their debug and info lines speak of their own matters, thousands of them.
    context.getLogger("io.netty").setLevel(Level.WARN);
    context.getLogger("io.vertx").setLevel(Level.WARN);
    // It warns, with a stack trace, of each message that a client should not have sent.
    context.getLogger("io.grpc").setLevel(Level.ERROR);
    if (!root.isDebugEnabled()) {
      // A stack trace for each export that fails, a line for each time that spans were dropped:
      // tracing tells by itself that the collector is away.
      context.getLogger("io.opentelemetry.exporter.otlp").setLevel(Level.OFF);
      context.getLogger("io.opentelemetry.sdk.trace.export").setLevel(Level.OFF);
    }
    SLF4JBridgeHandler.removeHandlersForRootLogger(); // grpc-java writes to java.util.logging
    SLF4JBridgeHandler.install();
  }

  /** Writes out what still waits. */
  public static void stop() {
    ((LoggerContext) LoggerFactory.getILoggerFactory()).stop();
  }

  private record Outputs(LoggerContext context, Log config) {
    OutputStreamAppender<ILoggingEvent> appender(String output) {
      Rotation rotation = config.rotation();
      OutputStreamAppender<ILoggingEvent> appender =
          switch (output) {
            case "stderr", "stdout" -> console(output);
            default -> rotation == null ? file(output) : rotated(output, rotation);
          };
      appender.setContext(context);
      appender.setEncoder(encoder());
      appender.start();
      if (!appender.isStarted()) { // logback would only say so in a status that nobody asks for
        throw new StartException("Log.Outputs: %s cannot be written".formatted(output), null);
      }
      return appender;
    }

    private static ConsoleAppender<ILoggingEvent> console(String output) {
      var console = new ConsoleAppender<ILoggingEvent>();
      console.setTarget(output.equals("stderr") ? "System.err" : "System.out");
      return console;
    }

    private static FileAppender<ILoggingEvent> file(String path) {
      var file = new FileAppender<ILoggingEvent>();
      file.setFile(path);
      return file;
    }

    private RollingFileAppender<ILoggingEvent> rotated(String path, Rotation rotation) {
      var file = new RollingFileAppender<ILoggingEvent>();
      file.setFile(path);
      var policy = new SizeAndTimeBasedRollingPolicy<ILoggingEvent>();
      policy.setContext(context);
      policy.setParent(file);
      policy.setFileNamePattern(path + ".%d{yyyy-MM-dd}.%i" + (rotation.compress() ? ".gz" : ""));
      policy.setMaxFileSize(megabytes(rotation.megabytes()));
      if (rotation.days() > 0) {
        policy.setMaxHistory(rotation.days());
      }
      if (rotation.files() > 0) {
        policy.setTotalSizeCap(megabytes((long) rotation.megabytes() * rotation.files()));
      }
      policy.start();
      file.setRollingPolicy(policy);
      return file;
    }

    private Encoder<ILoggingEvent> encoder() {
      Encoder<ILoggingEvent> encoder =
          switch (config.format()) {
            case TEXT -> {
              var text = new PatternLayoutEncoder();
              text.setPattern(TEXT);
              yield text;
            }
            case JSON -> new JsonLines();
          };
      encoder.setContext(context);
      encoder.start();
      return encoder;
    }

    private static FileSize megabytes(long count) {
      return new FileSize(count * FileSize.MB_COEFFICIENT);
    }
  }
}
