package io.dtm4j.bench;

import io.vertx.core.http.HttpClient;
import java.util.function.Consumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * One kind of global transaction that the clients repeat; {@link Works} lists them all.
 *
 * @param name what {@code --work} calls it
 * @param meaning one line of the help text
 * @param waited true: an answer means that the final status is stored; false: that the server has
 *     accepted the transaction and no more
 * @param overGrpc whether the server is asked over gRPC instead of HTTP
 * @param branchCalls how often a transaction must have called the participants when it is completed
 * @param performers makes what performs this work for one client
 */
record Work(
    String name,
    String meaning,
    boolean waited,
    boolean overGrpc,
    int branchCalls,
    Function<Site, Performer> performers) {

  /**
   * Where a transaction happens.
   *
   * @param http the pool of connections that all clients share
   * @param grpc calls the server over gRPC
   * @param participantPort where the participants listen, on the loopback address
   */
  record Site(HttpClient http, GrpcCalls grpc, Target target, int participantPort) {
    static final String PARTICIPANT_HOST = "127.0.0.1";

    /** Base address of the participants, without a slash at the end. */
    String participants() {
      return "http://" + PARTICIPANT_HOST + ":" + participantPort;
    }
  }

  /** Performs one transaction after another for one client, on the event loop. */
  interface Performer {

    /**
     * Begins a transaction. Calls {@code done} once when it has ended, never from within this
     * method when it went well: with null when it ended as it must, else with what went wrong.
     */
    void perform(String gid, Consumer<@Nullable String> done);
  }
}
