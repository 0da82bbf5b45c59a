package io.dtm4j.server.grpc;

import io.dtm4j.protocol.ErrorCode;
import io.dtm4j.protocol.Reply;
import io.dtm4j.protocol.TraceContext;
import io.dtm4j.protocol.UnreadableRequestException;
import io.dtm4j.server.http.Room;
import io.dtm4j.server.metrics.Metrics;
import io.dtm4j.store.EventLoop;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.Status;
import java.time.Duration;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One call, from its beginning to its status. All of it happens on the loop of its connection; a
 * client that gives up changes nothing about what it has begun.
 *
 * @param <Q> the message that comes
 * @param <R> the message that goes
 */
final class Incoming<Q, R> extends ServerCall.Listener<Received<Q>> {
  private static final Logger log = LoggerFactory.getLogger(Incoming.class);

  private final GrpcDoor door;
  private final ServerCall<Received<Q>, R> call;
  private final Method<Q, R> method;
  private final @Nullable TraceContext trace;
  private final EventLoop loop;
  private final Arrivals.@Nullable Arrival arrival;
  private final long since = System.nanoTime();
  private @Nullable Received<Q> received;
  private boolean answered;

  /** Gives back the memory of a long answer. */
  private Runnable letGo = () -> {};

  /** Carries out what a message asks for; the answer is told to the call, exactly once. */
  interface Work<Q, R> {
    void begin(Q message, Incoming<Q, R> incoming) throws UnreadableRequestException;
  }

  /**
   * A method of the service, with what is counted of it.
   *
   * @param counts told of each answer
   */
  record Method<Q, R>(Work<Q, R> work, Metrics.Api counts) {}

  Incoming(
      GrpcDoor door,
      ServerCall<Received<Q>, R> call,
      Method<Q, R> method,
      @Nullable TraceContext trace,
      EventLoop loop,
      Arrivals.@Nullable Arrival arrival) {
    this.door = door;
    this.call = call;
    this.method = method;
    this.trace = trace;
    this.loop = loop;
    this.arrival = arrival;
  }

  /** Where the client says that it belongs; null: nowhere, or it is not looked at. */
  @Nullable TraceContext trace() {
    return trace;
  }

  EventLoop loop() {
    return loop;
  }

  /** Asks for its message. */
  void begin() {
    door.begun();
    if (arrival != null) {
      arrival.begin(this);
    }
    call.request(2); // so that the library finds out when a client sends a second one
  }

  @Override
  public void onMessage(Received<Q> message) {
    received = message;
  }

  @Override
  public void onHalfClose() {
    if (arrival != null) {
      arrival.end();
    }
    Received<Q> whole = received;
    received = null;
    if (whole == null) {
      answer(new Reply.Failed(ErrorCode.BAD_REQUEST, "no message (expected: one)"));
    } else if (!answered) {
      loop.execute(() -> carryOut(whole));
    }
  }

  private void carryOut(Received<Q> whole) {
    if (answered) {
      return;
    }
    if (door.isStopping()) {
      answer(new Reply.Failed(ErrorCode.STOPPING, "the server is stopping, try again"));
      return;
    }
    @Nullable Q message = whole.message();
    if (whole.tooLong()) {
      end(Statuses.messageTooLong(door.config().messageBytes()));
      return;
    }
    if (message == null) {
      answer(new Reply.Failed(ErrorCode.BAD_REQUEST, "the message is not what the method takes"));
      return;
    }
    try {
      method.work().begin(message, this);
    } catch (UnreadableRequestException e) {
      answer(new Reply.Failed(e.code(), String.valueOf(e.getMessage())));
    } catch (RuntimeException e) {
      defect(e);
    }
  }

  /** The client has gone, or its time is over. What has begun goes on without it. */
  @Override
  public void onCancel() {
    finish(false);
    letGo.run();
  }

  /** The answer has left. */
  @Override
  public void onComplete() {
    letGo.run();
  }

  /** The message has not arrived in time. Any thread. */
  void late() {
    Duration limit = door.config().messageTimeout();
    loop.execute(
        () ->
            answer(
                new Reply.Failed(
                    ErrorCode.BAD_REQUEST,
                    "the message did not arrive within " + limit.toMillis() + " ms")));
  }

  /** The messages on their way in are too much. Any thread. */
  void tooMuch() {
    loop.execute(
        () ->
            answer(
                new Reply.Failed(
                    ErrorCode.OVERLOADED,
                    "too much is on its way in; nothing was stored, try again later")));
  }

  private void defect(RuntimeException e) {
    log.atError()
        .setCause(e)
        .addKeyValue("method", call.getMethodDescriptor().getBareMethodName())
        .log("a request failed");
    answer(new Reply.Failed(ErrorCode.INTERNAL, "a defect of the server, its log has the cause"));
  }

  /**
   * Answers with a message that may be long, once: the library keeps as much of it as the client
   * does not read.
   *
   * @param room gives it memory until it has left
   */
  void succeed(R message, long size, Room room) {
    if (answered) {
      return;
    }
    if (room.take(size, size)) {
      letGo = () -> room.give(size);
      succeed(message);
    } else {
      answer(
          new Reply.Failed(
              ErrorCode.OVERLOADED, "too many long answers are on their way, try again later"));
    }
  }

  /** Answers with a message, once. */
  void succeed(R message) {
    if (finish(true)) {
      call.sendHeaders(new Metadata());
      call.sendMessage(message);
      call.close(Status.OK, new Metadata());
    }
  }

  /** Answers that there is no success, once. */
  void answer(Reply trouble) {
    end(Statuses.of(trouble));
  }

  private void end(Statuses.Ending ending) {
    if (finish(false)) {
      call.close(ending.status(), ending.trailers());
    }
  }

  /** Ends the call, once; false: it has ended before. */
  private boolean finish(boolean ok) {
    if (answered) {
      return false;
    }
    answered = true;
    if (arrival != null) {
      arrival.end();
    }
    door.ended();
    method.counts().answered(ok, System.nanoTime() - since);
    return true;
  }
}
