package io.dtm4j.server.http;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import io.dtm4j.coordinator.Servers;
import io.dtm4j.model.Attempt;
import io.dtm4j.model.Branch;
import io.dtm4j.model.Definition;
import io.dtm4j.model.Extra;
import io.dtm4j.model.State;
import io.dtm4j.model.Stored;
import io.dtm4j.model.Transaction;
import io.dtm4j.protocol.ErrorCode;
import io.dtm4j.protocol.GlobalStatus;
import io.dtm4j.protocol.HttpAnswers;
import io.dtm4j.protocol.Options;
import io.dtm4j.protocol.Payload;
import io.dtm4j.protocol.Reply;
import io.dtm4j.store.ExtraJson;
import io.dtm4j.store.KeyValue;
import io.dtm4j.store.Listed;
import io.dtm4j.store.Page;
import io.vertx.core.buffer.Buffer;
import java.io.IOException;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.time.Instant;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Writes transactions and key-values as answers show them (docs/spec/http-api.md 4.8, 4.9, 4.10 and
 * 4.14). Beyond the members of the wire a queried transaction says what it waits for ({@code
 * waiting_for}), and an open branch how its last call went ({@code attempts}, {@code
 * last_attempt_time}, {@code last_error}).
 */
final class RecordJson {
  /** For a gid that nobody has. */
  static final Buffer NONE = Buffer.buffer("{\"branches\":[],\"transaction\":null}");

  private static final JsonFactory JSON = new JsonFactory();

  private final Room room;
  private final DateTimeFormatter times;

  /**
   * @param zone of the times shown
   * @param room for answers; what finds none in it is answered with a code
   */
  RecordJson(ZoneId zone, Room room) {
    this.room = room;
    times = DateTimeFormatter.ISO_OFFSET_DATE_TIME.withZone(zone);
  }

  /**
   * The answer for a transaction.
   *
   * @param waitingFor a sentence; null when it waits for nothing
   */
  Answer query(Stored stored, @Nullable String waitingFor) {
    return withRows(stored, waitingFor, "branches");
  }

  /** The answer for a workflow that is prepared, or was before. */
  Answer workflow(Stored stored) {
    Answer answer = withRows(stored, null, "progresses");
    return answer.retryAfter()
        ? Answer.of(
            new Reply.Failed(
                ErrorCode.OUTCOME_UNKNOWN, // it may be stored by this very request
                "the workflow is prepared, but there is no room for the answer; repeat the"
                    + " request"))
        : answer;
  }

  private Answer withRows(Stored stored, @Nullable String waitingFor, String rows) {
    return written(
        json -> {
          json.writeFieldName("transaction");
          write(json, Listed.of(stored), waitingFor);
          json.writeArrayFieldStart(rows);
          Transaction transaction = stored.transaction();
          for (Branch branch : transaction.branches()) {
            Attempt attempt = transaction.state().extra().attempts().get(branch.key().toString());
            write(json, transaction.gid().value(), branch, attempt);
          }
          json.writeEndArray();
        });
  }

  /**
   * A page of transactions.
   *
   * @param listed null: the one that was asked for does not exist
   */
  Answer transactions(@Nullable List<Listed> listed, String next) {
    return written(
        json -> {
          if (listed == null) {
            json.writeNullField("transactions");
          } else {
            json.writeArrayFieldStart("transactions");
            for (Listed one : listed) {
              write(json, one, null);
            }
            json.writeEndArray();
          }
          json.writeStringField("next_position", next);
        });
  }

  /** A page of key-values. */
  Answer keyValues(Page<KeyValue> page) {
    return written(
        json -> {
          write(json, page.items());
          json.writeStringField("next_position", page.next());
        });
  }

  /** Key-values that were asked for by name. */
  Answer keyValues(List<KeyValue> found) {
    return written(json -> write(json, found));
  }

  /** The servers that share the store. */
  Answer servers(List<Servers.Known> servers) {
    return written(
        json -> {
          json.writeArrayFieldStart("servers");
          for (Servers.Known one : servers) {
            json.writeStartObject();
            json.writeStringField("name", one.name());
            json.writeStringField("host", one.address().host());
            json.writeStringField("http", one.address().http());
            json.writeStringField("grpc", one.address().grpc());
            json.writeStringField("version", one.address().version());
            time(json, "started_at", one.startedAt());
            time(json, "alive_at", one.aliveAt());
            json.writeNumberField("open_passes", one.openPasses());
            json.writeBooleanField("alive", one.isAlive());
            json.writeBooleanField("this", one.isThis());
            json.writeEndObject();
          }
          json.writeEndArray();
        });
  }

  private Answer written(JsonObject.Members members) {
    var bytes = new AnswerStream(room);
    boolean isWhole = false;
    try (JsonGenerator json = JSON.createGenerator(bytes)) {
      json.writeStartObject();
      members.write(json);
      json.writeEndObject();
      json.flush();
      isWhole = true;
    } catch (AnswerStream.NoRoomException e) {
      return Answer.of(noRoom(e.isForGood));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } finally {
      if (!isWhole) {
        room.give(bytes.taken());
      }
    }
    return Answer.of(bytes.buffer(), bytes.taken());
  }

  private Reply noRoom(boolean forGood) {
    return forGood
        ? new Reply.Failed(
            ErrorCode.LIMIT_EXCEEDED,
            "the answer is too long (limit: " + room.largest() + " bytes)")
        : new Reply.Failed(
            ErrorCode.OVERLOADED, "too many long answers are on their way, try again later");
  }

  private void write(JsonGenerator json, List<KeyValue> values) throws IOException {
    json.writeArrayFieldStart("kv");
    for (KeyValue value : values) {
      json.writeStartObject();
      json.writeNumberField("id", 0);
      time(json, "create_time", value.createTime());
      time(json, "update_time", value.updateTime());
      json.writeStringField("cat", value.category());
      json.writeStringField("k", value.key());
      json.writeStringField("v", value.value());
      json.writeNumberField("version", value.version());
      json.writeEndObject();
    }
    json.writeEndArray();
  }

  private void write(JsonGenerator json, Listed listed, @Nullable String waitingFor)
      throws IOException {
    Definition definition = listed.definition();
    State state = listed.state();
    json.writeStartObject();
    json.writeNumberField("id", 0);
    time(json, "create_time", definition.createTime());
    time(json, "update_time", state.updateTime());
    text(json, "gid", listed.gid().value());
    text(json, "trans_type", definition.type().wireName());
    text(json, "status", state.status().wireName());
    text(json, "query_prepared", definition.queryPrepared());
    text(json, "protocol", definition.protocol());
    if (state.endTime() != null) {
      time(
          json,
          state.status() == GlobalStatus.SUCCEED ? "finish_time" : "rollback_time",
          state.endTime());
    }
    text(json, "result", state.result());
    text(json, "rollback_reason", state.reason());
    text(json, "options", optionsOf(definition.options()));
    text(json, "custom_data", definition.customData());
    if (state.schedule().interval().toSeconds() != 0) {
      json.writeNumberField("next_cron_interval", state.schedule().interval().toSeconds());
    }
    time(json, "next_cron_time", state.schedule().nextTime());
    text(json, "owner", listed.owner().toString());
    // Some clients take the word FAILURE anywhere in this answer for an error of the query, so what
    // is ours does not have it.
    text(json, "ext_data", HttpAnswers.harmless(ExtraJson.write("", shownOf(state.extra()))));
    json.writeBooleanField("concurrent", definition.options().concurrent());
    if (waitingFor != null) {
      json.writeStringField("waiting_for", HttpAnswers.harmless(waitingFor));
    }
    json.writeEndObject();
  }

  /** Answers are the same whether the server keeps traces or not. */
  private static Extra shownOf(Extra extra) {
    return extra.trace() == null ? extra : extra.withTrace(null);
  }

  private void write(JsonGenerator json, String gid, Branch branch, @Nullable Attempt attempt)
      throws IOException {
    json.writeStartObject();
    json.writeNumberField("id", 0);
    time(json, "create_time", branch.createTime());
    time(
        json,
        "update_time",
        branch.finishTime() == null ? branch.createTime() : branch.finishTime());
    text(json, "gid", gid);
    text(json, "url", branch.url());
    Payload payload = branch.payload();
    if (!payload.isEmpty()) {
      json.writeBinaryField("bin_data", payload.bytes());
    }
    text(json, "branch_id", branch.key().branchId());
    text(json, "op", branch.key().op().wireName());
    text(json, "status", branch.status().wireName());
    if (branch.finishTime() != null) {
      time(json, "finish_time", branch.finishTime());
    }
    if (attempt != null) {
      json.writeNumberField("attempts", attempt.number());
      time(json, "last_attempt_time", attempt.at());
      json.writeStringField("last_error", HttpAnswers.harmless(attempt.text()));
    }
    json.writeEndObject();
  }

  private void time(JsonGenerator json, String name, Instant time) throws IOException {
    json.writeStringField(name, times.format(time));
  }

  private static void text(JsonGenerator json, String name, String value) throws IOException {
    if (!value.isEmpty()) {
      json.writeStringField(name, value);
    }
  }

  /** The options as JSON text: docs/spec/transactions.md 2. */
  private static String optionsOf(Options options) throws IOException {
    var text = new StringWriter();
    try (JsonGenerator json = JSON.createGenerator(text)) {
      json.writeStartObject();
      if (options.waitResult()) {
        json.writeBooleanField("wait_result", true);
      }
      seconds(json, "timeout_to_fail", options.timeoutToFail());
      seconds(json, "request_timeout", options.requestTimeout());
      seconds(json, "retry_interval", options.retryInterval());
      if (!options.branchHeaders().isEmpty()) {
        json.writeObjectFieldStart("branch_headers");
        for (Map.Entry<String, String> header : new TreeMap<>(options.branchHeaders()).entrySet()) {
          json.writeStringField(header.getKey(), header.getValue());
        }
        json.writeEndObject();
      }
      json.writeBooleanField("concurrent", options.concurrent());
      seconds(json, "retry_limit", options.retryLimit());
      json.writeEndObject();
    }
    return text.toString();
  }

  private static void seconds(JsonGenerator json, String name, long value) throws IOException {
    if (value != 0) {
      json.writeNumberField(name, value);
    }
  }
}
