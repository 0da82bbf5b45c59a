package io.dtm4j.server.http;

import io.dtm4j.protocol.ErrorCode;
import io.dtm4j.protocol.Reply;
import io.vertx.core.http.HttpHeaders;
import io.vertx.core.http.HttpServerRequest;
import java.util.function.Supplier;

/**
 * What answers while the server cannot work yet: that it is alive, and to all else that it is not
 * ready and why. Any thread.
 */
public final class WaitingDoor implements AutoCloseable {
  private final Loops loops;

  private WaitingDoor(Loops loops) {
    this.loops = loops;
  }

  /**
   * Opens it, on a loop of its own. Blocks until it listens; throws what keeps it from that.
   *
   * @param why what is waited for
   */
  public static WaitingDoor open(ListenerConfig config, Supplier<String> why) {
    Loops loops = Loops.start(1);
    try {
      loops
          .vertx()
          .createHttpServer()
          .requestHandler(request -> answer(request, why.get()))
          .listen(config.port(), config.host())
          .await();
      return new WaitingDoor(loops);
    } catch (RuntimeException e) {
      loops.close();
      throw e;
    }
  }

  private static void answer(HttpServerRequest request, String why) {
    boolean pings = Route.of(request.method(), RequestUrl.path(request)) == Route.PING;
    Answer answer =
        pings
            ? Answer.PONG
            : Answer.of(new Reply.Failed(ErrorCode.STORE_UNAVAILABLE, why + "; try again later"));
    var response = request.response().setStatusCode(answer.status());
    response.putHeader(HttpHeaders.CONTENT_TYPE, HttpTexts.JSON);
    if (answer.retryAfter()) {
      response.putHeader(HttpTexts.RETRY_AFTER, HttpTexts.ONE_SECOND);
    }
    request.resume(); // what is sent along is not read
    response.putHeader(HttpHeaders.CONNECTION, HttpTexts.CLOSE).end(answer.body());
  }

  /** Closes it with all its connections. Blocks until the port is free. */
  @Override
  public void close() {
    loops.close();
  }
}
