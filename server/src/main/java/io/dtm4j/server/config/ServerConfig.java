package io.dtm4j.server.config;

import java.time.Duration;
import java.time.ZoneId;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.slf4j.event.Level;

/**
 * Everything a server can be told. {@code conf.sample.yml} documents each key; {@link ConfigParser}
 * reads them.
 *
 * @param zone of the times shown; {@code TimeZoneOffset}, default the system's
 */
public record ServerConfig(
    StoreConfig store,
    Listen listen,
    Timing timing,
    Limits limits,
    Log log,
    Alert alert,
    Discovery discovery,
    ZoneId zone) {
  static final int MAX_PORT = 65_535;

  /**
   * Where requests come in.
   *
   * @param bindAddress {@code BindAddress}, default {@link #ALL_INTERFACES}
   * @param httpPort {@code HttpPort}, default 36789; 0: any free one
   * @param grpcPort {@code GrpcPort}, default 36790; 0: any free one
   * @param adminBasePath path in front of the console's pages; {@code AdminBasePath}, default ""
   */
  public record Listen(String bindAddress, int httpPort, int grpcPort, String adminBasePath) {
    public static final String ALL_INTERFACES = "0.0.0.0";
    public static final Listen DEFAULTS = new Listen(ALL_INTERFACES, 36789, 36790, "");

    public Listen {
      new Checks()
          .check(!bindAddress.isEmpty(), "BindAddress", bindAddress, "an address or host name")
          .check(isPort(httpPort), "HttpPort", httpPort, "0 to 65535")
          .check(isPort(grpcPort), "GrpcPort", grpcPort, "0 to 65535")
          .check(
              httpPort == 0 || httpPort != grpcPort,
              "GrpcPort",
              grpcPort,
              "another one than HttpPort")
          .check(
              adminBasePath.isEmpty()
                  || (adminBasePath.startsWith("/") && !adminBasePath.endsWith("/")),
              "AdminBasePath",
              adminBasePath,
              "a path such as /dtm")
          .done();
    }

    private static boolean isPort(int port) {
      return port >= 0 && port <= MAX_PORT;
    }
  }

  /**
   * When things happen by themselves.
   *
   * @param retryInterval base of retries and shortest lease; {@code RetryInterval}, default 10s
   * @param timeoutToFail age at which a prepared transaction is decided; {@code TimeoutToFail},
   *     default 35s
   * @param requestTimeout how long a branch call may take; {@code RequestTimeout}, default 3s
   * @param transCronInterval pause between two looks for what is due in the store; {@code
   *     TransCronInterval}, default 3s
   * @param minRetryInterval the least that {@code RetryInterval} may be; {@code MinRetryInterval},
   *     default 10s, less for tests only
   */
  public record Timing(
      Duration retryInterval,
      Duration timeoutToFail,
      Duration requestTimeout,
      Duration transCronInterval,
      Duration minRetryInterval) {
    public static final Timing DEFAULTS =
        new Timing(
            Duration.ofSeconds(10),
            Duration.ofSeconds(35),
            Duration.ofSeconds(3),
            Duration.ofSeconds(3),
            Duration.ofSeconds(10));

    public Timing {
      // docs/spec/config.md 4: these two come first, in this order.
      new Checks()
          .check(
              retryInterval.compareTo(minRetryInterval) >= 0,
              "RetryInterval",
              retryInterval.toSeconds(),
              ">= " + minRetryInterval.toSeconds())
          .check(
              timeoutToFail.compareTo(retryInterval) >= 0,
              "TimeoutToFail",
              timeoutToFail.toSeconds(),
              ">= RetryInterval, which is " + retryInterval.toSeconds())
          .check(
              isPositive(minRetryInterval),
              "MinRetryInterval",
              minRetryInterval.toSeconds(),
              ">= 1")
          .check(isPositive(requestTimeout), "RequestTimeout", requestTimeout.toSeconds(), ">= 1")
          .check(
              isPositive(transCronInterval),
              "TransCronInterval",
              transCronInterval.toSeconds(),
              ">= 1")
          .done();
    }

    private static boolean isPositive(Duration duration) {
      return duration.toSeconds() >= 1;
    }
  }

  /**
   * How much the server takes on.
   *
   * @param openPasses transactions at work at the same time; new ones beyond it are refused with
   *     503; {@code Limits.OpenPasses}, default 20,000
   * @param callsPerDestination calls in flight to one scheme, host and port; {@code
   *     Limits.CallsPerDestination}, default 1,024
   * @param queuePerDestination calls waiting for one of those places; {@code
   *     Limits.QueuePerDestination}, default 4,096
   * @param bodyBytes longest request body; {@code Limits.BodyBytes}, default 8 MiB
   * @param answerBytes longest answer of a participant, longer ones count as unknown; {@code
   *     Limits.AnswerBytes}, default 1 MiB
   */
  public record Limits(
      int openPasses,
      int callsPerDestination,
      int queuePerDestination,
      int bodyBytes,
      int answerBytes) {
    public static final Limits DEFAULTS = new Limits(20_000, 1_024, 4_096, 8 << 20, 1 << 20);
    private static final int MIN_BYTES = 1_024;
    private static final int MAX_BYTES = 1 << 30;
    private static final String SIZES = MIN_BYTES + " to " + MAX_BYTES;

    public Limits {
      new Checks()
          .check(openPasses >= 1, "Limits.OpenPasses", openPasses, ">= 1")
          .check(
              callsPerDestination >= 1, "Limits.CallsPerDestination", callsPerDestination, ">= 1")
          .check(
              queuePerDestination >= 0, "Limits.QueuePerDestination", queuePerDestination, ">= 0")
          .check(isSize(bodyBytes), "Limits.BodyBytes", bodyBytes, SIZES)
          .check(isSize(answerBytes), "Limits.AnswerBytes", answerBytes, SIZES)
          .done();
    }

    private static boolean isSize(int bytes) {
      return bytes >= MIN_BYTES && bytes <= MAX_BYTES;
    }
  }

  /**
   * What is logged, and where to.
   *
   * @param level {@code LogLevel}, default info
   * @param outputs {@code stderr}, {@code stdout} or paths of files; {@code Log.Outputs}, default
   *     {@code stderr}
   * @param format {@code Log.Format}, default {@code text}
   * @param rotation of the files; null: they grow for ever; {@code Log.RotationEnable}, default off
   */
  public record Log(Level level, List<String> outputs, Format format, @Nullable Rotation rotation) {
    public static final Log DEFAULTS = new Log(Level.INFO, List.of("stderr"), Format.TEXT, null);

    /** How a line looks. */
    public enum Format {
      TEXT,
      /** One JSON object a line. */
      JSON
    }

    /**
     * When a file is put aside; {@code Log.RotationConfigJSON}.
     *
     * @param megabytes size at which it happens; {@code maxsize}, default 100
     * @param days how long a file put aside is kept; {@code maxage}, default 0: no limit
     * @param files how many files put aside are kept; {@code maxbackups}, default 0: no limit
     * @param compress whether files put aside are compressed; {@code compress}, default false
     */
    public record Rotation(int megabytes, int days, int files, boolean compress) {
      public static final Rotation DEFAULTS = new Rotation(100, 0, 0, false);

      public Rotation {
        new Checks()
            .check(megabytes >= 1, "Log.RotationConfigJSON maxsize", megabytes, ">= 1")
            .check(days >= 0, "Log.RotationConfigJSON maxage", days, ">= 0")
            .check(files >= 0, "Log.RotationConfigJSON maxbackups", files, ">= 0")
            .done();
      }
    }

    public Log {
      outputs = List.copyOf(outputs);
      new Checks().check(!outputs.isEmpty(), "Log.Outputs", "", "stderr, stdout or a path").done();
    }
  }

  /**
   * Who is told about branches that do not answer.
   *
   * @param retryLimit repeats before the hook is called; {@code AlertRetryLimit}, default 3
   * @param webHook url of the hook; {@code AlertWebHook}, default "": none
   */
  public record Alert(int retryLimit, String webHook) {
    public static final Alert DEFAULTS = new Alert(3, "");

    public Alert {
      new Checks()
          .check(retryLimit >= 0, "AlertRetryLimit", retryLimit, ">= 0")
          .check(
              webHook.isEmpty() || webHook.startsWith("http://") || webHook.startsWith("https://"),
              "AlertWebHook",
              "(not shown)", // it may carry a token
              "a url that begins with http:// or https://")
          .done();
    }
  }

  /**
   * How the names of participants become addresses, and where the server makes itself known.
   *
   * @param driver {@code MicroService.Driver}, default {@code default}
   * @param target registry to register at; {@code MicroService.Target}, default ""
   * @param endPoint own address to register; {@code MicroService.EndPoint}, default ""
   * @param grpcServiceConfig JSON for outgoing gRPC; {@code GrpcServiceConfig}, "" in the file
   *     means the default
   * @param insideDocker whether {@code localhost} in urls of branches means the machine outside the
   *     container; {@code IS_DOCKER} that is not empty
   */
  public record Discovery(
      String driver,
      String target,
      String endPoint,
      String grpcServiceConfig,
      boolean insideDocker) {
    public static final Discovery DEFAULTS =
        new Discovery(
            "default", "", "", "{\"loadBalancingConfig\": [{\"round_robin\":{}}]}", false);
  }
}
