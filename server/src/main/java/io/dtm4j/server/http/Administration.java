package io.dtm4j.server.http;

import io.dtm4j.coordinator.Doors;
import io.dtm4j.coordinator.Listings;
import io.dtm4j.coordinator.Servers;
import io.dtm4j.coordinator.Subscriptions;
import io.dtm4j.protocol.ErrorCode;
import io.dtm4j.protocol.Gid;
import io.dtm4j.protocol.GlobalStatus;
import io.dtm4j.protocol.Reply;
import io.dtm4j.protocol.TransType;
import io.dtm4j.store.EventLoop;
import io.dtm4j.store.Filter;
import io.dtm4j.store.Listed;
import io.dtm4j.store.Page;
import io.vertx.core.MultiMap;
import io.vertx.core.http.HttpServerRequest;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The operations that concern many transactions, topics, key-values and servers
 * (docs/spec/http-api.md 4.10, 4.11, 4.13, 4.14). Any thread.
 */
final class Administration {
  private static final int PAGE = 100;

  /** The longest span of time that may be asked for, in seconds: a hundred years. */
  private static final long MAX_SECONDS = Duration.ofDays(36_525).toSeconds();

  /** The latest time that a filter may name, in milliseconds: the year 9999. */
  private static final long MAX_MILLIS = Instant.parse("9999-12-31T00:00:00Z").toEpochMilli();

  /** A second that a filter names counts as a whole. */
  private static final Duration REST_OF_SECOND = Duration.ofSeconds(1).minusNanos(1);

  private final Doors doors;
  private final Listings listings;
  private final Subscriptions subscriptions;
  private final Servers servers;
  private final Duration resetAfter;
  private final AddressPolicy policy;
  private final RecordJson json;

  /**
   * @param policy which addresses may subscribe
   */
  Administration(HttpDoor.Operations operations, AddressPolicy policy, RecordJson json) {
    doors = operations.doors();
    listings = operations.listings();
    subscriptions = operations.subscriptions();
    servers = operations.servers();
    resetAfter = operations.resetAfter();
    this.policy = policy;
    this.json = json;
  }

  /** A parameter that is not what it must be. */
  private static final class BadParameterException extends Exception {
    private static final long serialVersionUID = 1L;

    BadParameterException(String message) {
      super(message, null, false, false);
    }
  }

  /**
   * Carries out one of its operations.
   *
   * @param answered told on {@code loop}, exactly once
   */
  void carryOut(Route route, HttpServerRequest request, EventLoop loop, Consumer<Answer> answered) {
    Consumer<Reply> replied = reply -> answered.accept(Answer.of(reply));
    try {
      var given = new Parameters(request);
      switch (route) {
        case ALL -> all(given, loop, answered, replied);
        case RESET_CRON_TIME -> resetCronTime(given, loop, answered, replied);
        case SCAN_KV ->
            listings.keyValues(
                given.textOrNull("cat"),
                given.text("position"),
                given.limit(),
                json::keyValues,
                loop,
                answered,
                replied);
        case QUERY_KV ->
            listings.keyValues(
                given.textOrNull("cat"),
                given.textOrNull("key"),
                json::keyValues,
                loop,
                answered,
                replied);
        case SERVERS -> servers.list(json::servers, loop, answered, replied);
        case SUBSCRIBE -> subscribe(given, loop, replied);
        case UNSUBSCRIBE ->
            subscriptions.unsubscribe(given.text("topic"), given.text("url"), loop, replied);
        case DELETE_TOPIC -> subscriptions.delete(given.behind(route.path()), loop, replied);
        default -> throw new IllegalArgumentException(route + " is none of these operations");
      }
    } catch (BadParameterException e) {
      replied.accept(new Reply.Failed(ErrorCode.BAD_REQUEST, String.valueOf(e.getMessage())));
    }
  }

  private void all(
      Parameters given, EventLoop loop, Consumer<Answer> answered, Consumer<Reply> replied)
      throws BadParameterException {
    String position = given.text("position");
    String gid = given.text("gid");
    int limit = given.limit();
    Instant from = given.second("createTimeStart");
    Instant to = given.second("createTimeEnd");
    if (!gid.isEmpty()) {
      byGid(gid, position, loop, answered, replied);
      return;
    }
    String statusName = given.text("status");
    String typeName = given.text("transType");
    GlobalStatus status = GlobalStatus.of(statusName);
    TransType type = TransType.of(typeName);
    if ((status == null && !statusName.isEmpty()) || (type == null && !typeName.isEmpty())) {
      answered.accept(json.transactions(List.of(), "")); // nothing is like that
      return;
    }
    listings.transactions(
        new Filter(status, type, from, to == null ? null : to.plus(REST_OF_SECOND)),
        position,
        limit,
        page -> json.transactions(page.items(), page.next()),
        loop,
        answered,
        replied);
  }

  private void byGid(
      String gid,
      String position,
      EventLoop loop,
      Consumer<Answer> answered,
      Consumer<Reply> replied) {
    if (gid.length() > Gid.MAX_LENGTH) {
      answered.accept(json.transactions(null, position));
      return;
    }
    doors.query(
        new Gid(gid),
        stored -> json.transactions(stored == null ? null : List.of(Listed.of(stored)), position),
        loop,
        answered,
        replied);
  }

  private void subscribe(Parameters given, EventLoop loop, Consumer<Reply> replied) {
    String url = given.text("url");
    Reply refusal = Requests.refusal("the subscriber", url, policy);
    if (refusal == null) {
      subscriptions.subscribe(given.text("topic"), url, given.text("remark"), loop, replied);
    } else {
      replied.accept(refusal);
    }
  }

  private void resetCronTime(
      Parameters given, EventLoop loop, Consumer<Answer> answered, Consumer<Reply> replied)
      throws BadParameterException {
    long seconds = given.whole("timeout", resetAfter.toSeconds(), 0, MAX_SECONDS);
    listings.resetDue(
        Duration.ofSeconds(seconds),
        given.limit(),
        loop,
        reset ->
            answered.accept(
                Answer.of(
                    "{\"succeed_count\":"
                        + reset.count()
                        + ",\"has_remaining\":"
                        + reset.more()
                        + "}")),
        replied);
  }

  /** What stands in a url; absent is "". */
  private static final class Parameters {
    private final HttpServerRequest request;
    private final MultiMap query;

    Parameters(HttpServerRequest request) throws BadParameterException {
      this.request = request;
      try {
        query = RequestUrl.parameters(request);
      } catch (IllegalArgumentException e) {
        throw new BadParameterException("the parameters of the url cannot be decoded");
      }
    }

    String text(String name) {
      String value = query.get(name);
      return value == null ? "" : value;
    }

    @Nullable String textOrNull(String name) {
      String value = text(name);
      return value.isEmpty() ? null : value;
    }

    /** What follows that beginning of the path. */
    String behind(String prefix) throws BadParameterException {
      try {
        return RequestUrl.decoded(RequestUrl.path(request).substring(prefix.length()));
      } catch (IllegalArgumentException e) {
        throw new BadParameterException("the path cannot be decoded");
      }
    }

    /** How many; more than a page may have is no mistake, as the rest is on the next one. */
    int limit() throws BadParameterException {
      return (int) Math.min(whole("limit", PAGE, 1, Long.MAX_VALUE), Page.MAX_LIMIT);
    }

    /** Milliseconds, cut to seconds; null: not given. */
    @Nullable Instant second(String name) throws BadParameterException {
      long millis = whole(name, -1, 0, MAX_MILLIS);
      return millis < 0 ? null : Instant.ofEpochSecond(millis / 1_000);
    }

    long whole(String name, long absent, long least, long most) throws BadParameterException {
      String text = text(name);
      if (text.isEmpty()) {
        return absent;
      }
      try {
        long value = Long.parseLong(text);
        if (value >= least && value <= most) {
          return value;
        }
      } catch (NumberFormatException e) {
        // said below
      }
      throw new BadParameterException(
          name + ": not a whole number of its range (expected: " + least + " to " + most + ")");
    }
  }
}
