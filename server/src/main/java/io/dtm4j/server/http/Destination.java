package io.dtm4j.server.http;

import io.netty.channel.ChannelHandlerContext;
import io.vertx.core.Future;
import io.vertx.core.http.HttpClientConnection;
import io.vertx.core.http.HttpConnectOptions;
import io.vertx.core.http.impl.UnpooledHttpClientConnection;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Queue;
import org.jspecify.annotations.Nullable;

/**
 * The connections of one loop to one origin, and the calls that wait for one. Belongs to the loop.
 *
 * <p>Vert.x has a pool, too, but it keeps idle connections for whole seconds, gives out one that is
 * past its time until a timer notices, and uses the participant's own time-out to the last moment.
 * Each of these lets a call meet a connection that is just being closed; its outcome is unknown
 * then and a healthy saga waits for a retry.
 */
final class Destination {
  private static final int MANY = 64;

  private final HttpCaller.LoopCaller caller;
  private final Address.Origin origin;
  private final Deque<Connection> idle = new ArrayDeque<>();
  private final Queue<Outgoing> queue = new ArrayDeque<>();

  /** How many in the queue still wait. */
  private int waiting;

  /** Connections that are up or on their way up. */
  private int open;

  private int connecting;
  private boolean filling;

  Destination(HttpCaller.LoopCaller caller, Address.Origin origin) {
    this.caller = caller;
    this.origin = origin;
  }

  /** A connection that is up. One call at a time uses it. */
  static final class Connection {
    final HttpClientConnection http;
    private final Destination destination;
    private boolean idle;

    /** When the last call on it began, or it came up. */
    private long usedAt;

    private long idleUntil;

    Connection(HttpClientConnection http, Destination destination) {
      this.http = http;
      this.destination = destination;
      usedAt = destination.caller.nanoTime.getAsLong();
    }

    /** A call on it begins. */
    void use() {
      usedAt = destination.caller.nanoTime.getAsLong();
    }

    /**
     * The call on it is over.
     *
     * @param idleNanos how long it may be kept for another one, counted from its beginning: the
     *     participant counts from a later time, however late its answer was seen here; 0 or less:
     *     it may not
     */
    void release(long idleNanos) {
      destination.released(this, idleNanos);
    }
  }

  /** Gives a call a connection, now or later, or lets it fail. */
  void connect(Outgoing call) {
    Connection kept = kept();
    if (kept != null) {
      call.connected(kept, true);
    } else if (open >= caller.maxConnections && waiting - connecting >= caller.maxWaiting) {
      call.failed(caller.maxWaiting + " calls wait for a connection to " + origin + " already");
    } else {
      queue.add(call);
      waiting++;
      fill();
    }
  }

  /** A call in the queue waits no longer. */
  void leave() {
    waiting--;
    if (queue.size() > MANY && queue.size() / 2 > waiting) {
      queue.removeIf(Outgoing::isOver);
    }
    forgetWhenUnused();
  }

  /** Whether connections are tried and none is up. */
  boolean isOnlyConnecting() {
    return open == connecting;
  }

  /** Closes connections that have been idle for their time. */
  void sweep(long now) {
    List<Connection> old = new ArrayList<>();
    for (Connection connection : idle) {
      if (connection.idleUntil - now <= 0) {
        old.add(connection);
      }
    }
    old.forEach(this::close);
  }

  /** The connection that was used last, so that those too many grow old; null: there is none. */
  private @Nullable Connection kept() {
    if (idle.isEmpty()) {
      return null;
    }
    long now = caller.nanoTime.getAsLong();
    for (Connection last = idle.peekLast(); last != null; last = idle.peekLast()) {
      if (last.idleUntil - now > 0) {
        idle.removeLast();
        last.idle = false;
        return last;
      }
      close(last);
    }
    return null;
  }

  private void released(Connection connection, long idleNanos) {
    if (idleNanos <= 0) {
      connection.http.close();
      return;
    }
    Outgoing next = next();
    if (next != null) {
      next.connected(connection, true);
    } else {
      keep(connection, idleNanos);
    }
  }

  private void keep(Connection connection, long idleNanos) {
    connection.idle = true;
    connection.idleUntil = connection.usedAt + idleNanos;
    idle.addLast(connection);
  }

  private void close(Connection connection) {
    idle.remove(connection);
    connection.idle = false;
    connection.http.close();
  }

  private @Nullable Outgoing next() {
    for (Outgoing call = queue.poll(); call != null; call = queue.poll()) {
      if (!call.isOver()) {
        waiting--;
        return call;
      }
    }
    return null;
  }

  /** Opens connections for those that wait, within the limit. */
  private void fill() {
    if (filling) {
      return; // An attempt that fails at once comes back here.
    }
    filling = true;
    while (connecting < waiting && open < caller.maxConnections) {
      open++;
      connecting++;
      attempt()
          .onComplete(
              (http, trouble) -> {
                connecting--;
                if (trouble == null) {
                  up(http);
                } else {
                  open--;
                  Outgoing oldest = next();
                  if (oldest != null) {
                    oldest.notConnected(
                        "cannot connect to " + origin + ": " + Outgoing.textOf(trouble));
                  }
                }
                fill();
                forgetWhenUnused();
              });
    }
    filling = false;
  }

  private Future<HttpClientConnection> attempt() {
    try {
      return caller.client.connect(
          new HttpConnectOptions()
              .setHost(origin.host())
              .setPort(origin.port())
              .setSsl(origin.tls()));
    } catch (RuntimeException e) { // the client is closed, or does not like the host
      return Future.failedFuture(e);
    }
  }

  private void up(HttpClientConnection http) {
    ChannelHandlerContext vertx =
        ((UnpooledHttpClientConnection) http).unwrap().channelHandlerContext();
    vertx.pipeline().addBefore(vertx.name(), null, new InterimAnswers());
    var connection = new Connection(http, this);
    http.closeHandler(
        _ -> {
          open--;
          if (connection.idle) {
            idle.remove(connection);
          }
          fill();
          forgetWhenUnused();
        });
    // The call on it hears of its trouble by itself; idle ones are closed by participants all day.
    http.exceptionHandler(_ -> {});
    Outgoing next = next();
    if (next != null) {
      next.connected(connection, false);
    } else {
      keep(connection, caller.idleNanos);
    }
  }

  private void forgetWhenUnused() {
    if (open == 0 && waiting == 0) {
      caller.forget(origin, this);
    }
  }
}
