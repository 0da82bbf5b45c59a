package io.dtm4j.coordinator;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import io.dtm4j.engine.Bounds;
import io.dtm4j.engine.RefusedException;
import io.dtm4j.protocol.ErrorCode;
import io.dtm4j.protocol.Reply;
import io.dtm4j.store.EventLoop;
import io.dtm4j.store.KeyValue;
import io.dtm4j.store.TransactionStore;
import java.io.IOException;
import java.io.StringWriter;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Topics and their subscribers (docs/spec/http-api.md 4.13): key-values of the category {@code
 * topics}, whose value is {@code [{"url":"…","remark":"…"}]}. Nothing is kept in memory, so a
 * change counts for the next message, on whichever server. Thread-safe; only {@link #read} blocks.
 */
public final class Subscriptions {
  /** The longest name of a topic; what fits the column of SQL stores. */
  public static final int MAX_TOPIC = 128;

  /** The longest url of a subscriber. */
  public static final int MAX_URL = 8 << 10;

  /** The longest remark. */
  public static final int MAX_REMARK = 1_000;

  /**
   * The most subscribers of a topic. All are one value that each subscription reads and writes, and
   * a message to several topics should stay far below the most branches that it may have.
   */
  public static final int MAX_SUBSCRIBERS = 1_000;

  private static final String CATEGORY = "topics";

  /** How often a change is tried anew when another server was first. */
  private static final int TRIES = 10;

  private static final JsonFactory JSON = new JsonFactory();

  private final TransactionStore store;
  private final ClientWrites writes;

  /**
   * @param store read from; written only through {@code writes}
   */
  public Subscriptions(TransactionStore store, ClientWrites writes) {
    this.store = store;
    this.writes = writes;
  }

  /**
   * Somebody who receives the messages of a topic.
   *
   * @param remark for people; may be ""
   */
  private record Subscriber(String url, String remark) {}

  /**
   * Adds a url to a topic, which is created when it is new.
   *
   * @param loop where {@code reply} runs, exactly once
   */
  public void subscribe(
      String topic, String url, String remark, EventLoop loop, Consumer<Reply> reply) {
    Reply refusal = refusal(topic, url, remark);
    if (refusal != null) {
      reply.accept(refusal);
      return;
    }
    change(
        topic,
        before -> {
          List<Subscriber> all = before == null ? new ArrayList<>() : subscribersIn(before.value());
          if (all.stream().anyMatch(one -> one.url().equals(url))) {
            return new Change.Refused(conflict("the url subscribes to this topic already"));
          }
          if (all.size() >= MAX_SUBSCRIBERS) {
            return new Change.Refused(
                new Reply.Failed(
                    ErrorCode.LIMIT_EXCEEDED,
                    "topic with " + all.size() + " subscribers (limit: " + MAX_SUBSCRIBERS + ")"));
          }
          all.add(new Subscriber(url, remark));
          return new Change.Write(valueOf(all));
        },
        loop,
        reply);
  }

  /** Takes a url out of a topic, which stays even when it is empty then; as {@link #subscribe}. */
  public void unsubscribe(String topic, String url, EventLoop loop, Consumer<Reply> reply) {
    Reply refusal = refusal(topic, url, "");
    if (refusal != null) {
      reply.accept(refusal);
      return;
    }
    change(
        topic,
        before -> {
          if (before == null) {
            return new Change.Refused(noSuchTopic());
          }
          List<Subscriber> all = subscribersIn(before.value());
          return all.removeIf(one -> one.url().equals(url))
              ? new Change.Write(valueOf(all))
              : new Change.Refused(conflict("the url does not subscribe to this topic"));
        },
        loop,
        reply);
  }

  /** Deletes a topic; as {@link #subscribe}. */
  public void delete(String topic, EventLoop loop, Consumer<Reply> reply) {
    boolean[] tried = {false}; // a repeat may find that the first attempt has deleted it
    writes.<Reply>perform(
        writing -> {
          boolean isRepeat = tried[0];
          if (!isRepeat && writing.findKeyValue(CATEGORY, topic).isEmpty()) {
            return noSuchTopic(); // before a write that may fail: its repeat could not tell
          }
          tried[0] = true; // before the store, which may delete it and fail all the same
          return writing.deleteKeyValue(CATEGORY, topic) || isRepeat
              ? Reply.Success.INSTANCE
              : noSuchTopic();
        },
        loop,
        reply,
        reply);
  }

  /**
   * The urls of the subscribers of topics, as they are stored now, by topic; a topic that does not
   * exist is absent. Blocks.
   */
  Map<String, List<String>> read(Collection<String> topics) {
    var urls = new HashMap<String, List<String>>();
    for (String topic : topics) {
      Optional<KeyValue> stored = store.findKeyValue(CATEGORY, topic);
      stored.ifPresent(
          value ->
              urls.put(topic, subscribersIn(value.value()).stream().map(Subscriber::url).toList()));
    }
    return urls;
  }

  /** What becomes of a topic. */
  private sealed interface Change {
    record Write(String value) implements Change {}

    record Refused(Reply reply) implements Change {}
  }

  /** Changes a topic in the lane, anew as long as other servers are first. */
  private void change(
      String topic,
      Function<@Nullable KeyValue, Change> rule,
      EventLoop loop,
      Consumer<Reply> reply) {
    writes.perform(new Changing(topic, rule), loop, reply, reply);
  }

  /** One change of a topic, and the attempts it takes; confined to the lane. */
  private static final class Changing implements Function<TransactionStore, Reply> {
    private final String topic;
    private final Function<@Nullable KeyValue, Change> rule;

    /** What the last attempt wanted to store, as which version; its outcome may be unknown (R6). */
    private @Nullable String written;

    private long version;

    Changing(String topic, Function<@Nullable KeyValue, Change> rule) {
      this.topic = topic;
      this.rule = rule;
    }

    @Override
    public Reply apply(TransactionStore writing) {
      for (int tries = 0; tries < TRIES; tries++) {
        KeyValue before = writing.findKeyValue(CATEGORY, topic).orElse(null);
        if (before != null && before.version() == version && before.value().equals(written)) {
          return Reply.Success.INSTANCE; // our own, from an attempt before
        }
        switch (rule.apply(before)) {
          case Change.Refused(Reply refusal) -> {
            return refusal;
          }
          case Change.Write(String value) -> {
            written = value;
            version = before == null ? 1 : before.version() + 1;
            boolean won =
                before == null
                    ? writing.createKeyValue(CATEGORY, topic, value)
                    : writing.updateKeyValue(CATEGORY, topic, value, before.version());
            if (won) {
              return Reply.Success.INSTANCE;
            }
          }
        }
      }
      return new Reply.Failed(
          ErrorCode.CONTENDED, "others change this topic all the time; repeat the request");
    }
  }

  private static @Nullable Reply refusal(String topic, String url, String remark) {
    if (topic.isEmpty()) {
      return new Reply.Failed(ErrorCode.BAD_REQUEST, "topic is missing");
    }
    if (url.isEmpty()) {
      return new Reply.Failed(ErrorCode.BAD_REQUEST, "url is missing");
    }
    try {
      Bounds.checkName("topic", topic, MAX_TOPIC);
      Bounds.checkLength("url", url, MAX_URL);
      Bounds.checkPlain("url", url);
      Bounds.checkLength("remark", remark, MAX_REMARK);
      Bounds.checkPlain("remark", remark);
      return null;
    } catch (RefusedException e) {
      return e.reply();
    }
  }

  private static Reply conflict(String message) {
    return new Reply.Failed(ErrorCode.STATUS_CONFLICT, message);
  }

  private static Reply noSuchTopic() {
    return new Reply.Failed(ErrorCode.TOPIC_NOT_FOUND, "topic not found");
  }

  /** The subscribers in a stored value, which another server may have written. */
  private static List<Subscriber> subscribersIn(String value) {
    var all = new ArrayList<Subscriber>();
    try (JsonParser json = JSON.createParser(value)) {
      if (json.nextToken() != JsonToken.START_ARRAY) {
        throw new IllegalStateException("a topic whose value is no list");
      }
      while (json.nextToken() == JsonToken.START_OBJECT) {
        all.add(subscriber(json));
      }
    } catch (IOException e) {
      throw new IllegalStateException("a topic whose value is no JSON", e);
    }
    return all;
  }

  private static Subscriber subscriber(JsonParser json) throws IOException {
    String url = "";
    String remark = "";
    for (String name = json.nextFieldName(); name != null; name = json.nextFieldName()) {
      json.nextToken();
      switch (name) {
        case "url" -> url = json.getValueAsString("");
        case "remark" -> remark = json.getValueAsString("");
        default -> json.skipChildren();
      }
    }
    return new Subscriber(url, remark);
  }

  private static String valueOf(List<Subscriber> all) {
    var text = new StringWriter();
    try (JsonGenerator json = JSON.createGenerator(text)) {
      json.writeStartArray();
      for (Subscriber one : all) {
        json.writeStartObject();
        json.writeStringField("url", one.url());
        json.writeStringField("remark", one.remark());
        json.writeEndObject();
      }
      json.writeEndArray();
    } catch (IOException e) {
      throw new IllegalStateException("cannot happen: it is written to memory", e);
    }
    return text.toString();
  }
}
