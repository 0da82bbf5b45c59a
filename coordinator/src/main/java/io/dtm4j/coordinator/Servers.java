package io.dtm4j.coordinator;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import io.dtm4j.protocol.Reply;
import io.dtm4j.store.Committer;
import io.dtm4j.store.EventLoop;
import io.dtm4j.store.KeyValue;
import io.dtm4j.store.Reads;
import io.dtm4j.store.TransactionStore;
import java.io.IOException;
import java.io.StringWriter;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.IntSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The servers that share the store, for people: no server decides anything by it. Each writes
 * itself into the store every five seconds, as a key-value of the category {@code dtm4j-servers}
 * under the name that its claims begin with, and takes itself out when it stops. One that is not
 * written any more is shown as dead, and taken out by the others after a day. Thread-safe; never
 * blocks.
 */
public final class Servers {
  private static final Logger log = LoggerFactory.getLogger(Servers.class);

  /** That of the key-values in which servers write themselves. */
  public static final String CATEGORY = "dtm4j-servers";

  private static final Duration BEAT = Duration.ofSeconds(5);
  private static final Duration ALIVE_FOR = Duration.ofMinutes(1);
  private static final Duration KEPT_FOR = Duration.ofDays(1);
  private static final int BEATS_PER_CLEANING = 720; // an hour

  private static final JsonFactory JSON = new JsonFactory();

  /**
   * Where a server is and what it is.
   *
   * @param host the name of its machine
   * @param http where clients reach it: host and port
   * @param grpc the same by gRPC
   */
  public record Address(String host, String http, String grpc, String version) {}

  /**
   * A server as it has written itself.
   *
   * @param name as its claims begin
   * @param openPasses transactions that it was working on
   * @param aliveAt when it wrote that
   * @param isAlive whether that is less than a minute ago
   * @param isThis whether it is the one that was asked
   */
  public record Known(
      String name,
      Address address,
      Instant startedAt,
      Instant aliveAt,
      int openPasses,
      boolean isAlive,
      boolean isThis) {
    /** For how long it is taken for alive as of that time, unless it writes itself again. */
    public Duration aliveFor(Instant now) {
      return Duration.between(now, aliveAt.plus(ALIVE_FOR));
    }
  }

  private final TransactionStore store;
  private final Committer committer;
  private final ClientReads reads;
  private final Timers timers;
  private final EventLoop loop;
  private final IntSupplier openPasses;
  private final String name;
  private int beats;
  private volatile boolean stopped;

  /**
   * @param store read from; written only through {@code committer}
   * @param loop where the results of writes are told
   * @param claims names this server
   * @param openPasses transactions that it works on
   */
  public Servers(
      TransactionStore store,
      Committer committer,
      Reads reads,
      Timers timers,
      EventLoop loop,
      Claims claims,
      IntSupplier openPasses) {
    this.store = store;
    this.committer = committer;
    this.reads = new ClientReads(reads);
    this.timers = timers;
    this.loop = loop;
    this.openPasses = openPasses;
    name = claims.process();
  }

  /** This server is there, and goes on saying so. */
  public void start(Address address) {
    beat(address, store.storeTime());
  }

  private void beat(Address address, Instant startedAt) {
    if (stopped) {
      return;
    }
    boolean cleans = beats++ % BEATS_PER_CLEANING == 0;
    committer.<Boolean>perform(
        writing -> {
          if (cleans) {
            clean(writing);
          }
          return stopped || write(writing, valueOf(address, startedAt, openPasses.getAsInt()));
        },
        loop,
        _ -> timers.after(BEAT, () -> beat(address, startedAt)),
        e -> {
          if (!stopped) {
            log.atWarn().addKeyValue("cause", String.valueOf(e)).log("this server is not listed");
            timers.after(BEAT, () -> beat(address, startedAt));
          }
        });
  }

  /** Nobody else writes this key: what is lost is our own, written by an attempt before. */
  private boolean write(TransactionStore writing, String value) {
    KeyValue before = writing.findKeyValue(CATEGORY, name).orElse(null);
    return before == null
        ? writing.createKeyValue(CATEGORY, name, value)
        : writing.updateKeyValue(CATEGORY, name, value, before.version());
  }

  private static void clean(TransactionStore writing) {
    Instant deadBefore = writing.storeTime().minus(KEPT_FOR);
    for (KeyValue one : writing.findKeyValues(CATEGORY, null)) {
      if (one.updateTime().isBefore(deadBefore)) {
        writing.deleteKeyValue(CATEGORY, one.key());
      }
    }
  }

  /** Takes this server out; the committer may be closed behind it. */
  public void stop() {
    stopped = true;
    committer.<Boolean>perform(
        writing -> writing.deleteKeyValue(CATEGORY, name), loop, _ -> {}, _ -> {}); // else it dies
  }

  /**
   * A view of all servers. Of the two callbacks exactly one runs, once, on {@code loop}.
   *
   * @param view made where it is read
   */
  public <T> void list(
      Function<List<Known>, T> view, EventLoop at, Consumer<T> done, Consumer<Reply> trouble) {
    reads.submit(() -> view.apply(known()), at, done, trouble);
  }

  private List<Known> known() {
    Instant now = store.storeTime();
    var all = new ArrayList<Known>();
    for (KeyValue one : store.findKeyValues(CATEGORY, null)) {
      Known known = read(one, now, name);
      if (known != null) {
        all.add(known);
      }
    }
    return all;
  }

  /**
   * The servers that are alive, for who is none himself; of one that another version has written in
   * a way that is not understood, the name only.
   *
   * @param written all of {@link #CATEGORY}
   * @param now by the clock of the store
   */
  public static List<Known> alive(List<KeyValue> written, Instant now) {
    var all = new ArrayList<Known>();
    for (KeyValue one : written) {
      Known known = read(one, now, "");
      all.add(
          known == null
              ? known(one, new Address("", "", "", ""), one.createTime(), 0, now, "")
              : known);
    }
    all.removeIf(server -> !server.isAlive());
    return List.copyOf(all);
  }

  /**
   * Null: another version has written what this one does not understand.
   *
   * @param self the one that is asked
   */
  private static @Nullable Known read(KeyValue stored, Instant now, String self) {
    String host = "";
    String http = "";
    String grpc = "";
    String version = "";
    Instant startedAt = stored.createTime();
    int passes = 0;
    try (JsonParser json = JSON.createParser(stored.value())) {
      if (json.nextToken() != JsonToken.START_OBJECT) {
        return null;
      }
      for (String member = json.nextFieldName(); member != null; member = json.nextFieldName()) {
        json.nextToken();
        switch (member) {
          case "host" -> host = json.getValueAsString("");
          case "http" -> http = json.getValueAsString("");
          case "grpc" -> grpc = json.getValueAsString("");
          case "version" -> version = json.getValueAsString("");
          case "started_at" -> startedAt = Instant.ofEpochMilli(json.getValueAsLong());
          case "open_passes" -> passes = json.getValueAsInt();
          default -> json.skipChildren();
        }
      }
    } catch (IOException e) {
      return null;
    }
    return known(stored, new Address(host, http, grpc, version), startedAt, passes, now, self);
  }

  private static Known known(
      KeyValue stored, Address address, Instant startedAt, int passes, Instant now, String self) {
    return new Known(
        stored.key(),
        address,
        startedAt,
        stored.updateTime(),
        passes,
        stored.updateTime().isAfter(now.minus(ALIVE_FOR)),
        stored.key().equals(self));
  }

  private static String valueOf(Address address, Instant startedAt, int passes) {
    var text = new StringWriter();
    try (JsonGenerator json = JSON.createGenerator(text)) {
      json.writeStartObject();
      json.writeStringField("host", address.host());
      json.writeStringField("http", address.http());
      json.writeStringField("grpc", address.grpc());
      json.writeStringField("version", address.version());
      json.writeNumberField("started_at", startedAt.toEpochMilli());
      json.writeNumberField("open_passes", passes);
      json.writeEndObject();
    } catch (IOException e) {
      throw new IllegalStateException("cannot happen: it is written to memory", e);
    }
    return text.toString();
  }
}
