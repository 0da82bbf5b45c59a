package io.dtm4j.crash;

import io.dtm4j.crash.ServerProcess.Setup;
import java.time.Duration;
import java.util.Random;
import org.jspecify.annotations.Nullable;

/** One server on the embedded store. */
final class EmbeddedSite implements Site {
  private static final Duration RECOVERING = Duration.ofMillis(500);

  private final Setup setup;
  private final PowerCut power;
  private final Api api;
  private Duration lastStart = Duration.ZERO;
  private @Nullable ServerProcess server;

  /**
   * @param losesPower whether it may come to a power cut
   */
  EmbeddedSite(Setup setup, boolean losesPower) {
    power = new PowerCut(setup);
    this.setup = losesPower ? power.watching(setup) : setup;
    api = new Api(setup.url());
  }

  @Override
  public Api api() {
    return api;
  }

  @Override
  public void start() {
    long began = System.nanoTime();
    server = setup.serve();
    lastStart = Duration.ofNanos(System.nanoTime() - began);
  }

  @Override
  public long harm(Harm harm, Random random) {
    close();
    long lost = 0;
    switch (harm) {
      case KILL, KILL_ALL -> {}
      case KILL_TWICE -> {
        server = setup.launch();
        Await.pass(Duration.ofMillis(random.nextLong(lastStart.plus(RECOVERING).toMillis())));
        close();
      }
      case POWER_CUT -> lost = power.cut(random);
      case STANDSTILL, KILL_DATABASE, RESTART_DATABASE ->
          throw new IllegalArgumentException(harm + " needs other servers, or a database");
    }
    start();
    return lost;
  }

  @Override
  public void close() {
    if (server != null) {
      server.close();
    }
  }
}
