package io.dtm4j.store.redis;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.dtm4j.model.Branch;
import io.dtm4j.model.BranchKey;
import io.dtm4j.model.Definition;
import io.dtm4j.model.Extra;
import io.dtm4j.model.Schedule;
import io.dtm4j.model.State;
import io.dtm4j.model.Transaction;
import io.dtm4j.protocol.BranchStatus;
import io.dtm4j.protocol.CustomData;
import io.dtm4j.protocol.Gid;
import io.dtm4j.protocol.GlobalStatus;
import io.dtm4j.protocol.Op;
import io.dtm4j.protocol.Options;
import io.dtm4j.protocol.Payload;
import io.dtm4j.protocol.TransType;
import java.time.Duration;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Reads a transaction as DTM keeps it: JSON with the names of docs/spec/http-api.md 4.9. */
final class GoRecord {
  private static final ObjectMapper JSON = new ObjectMapper();

  private GoRecord() {}

  /**
   * The transaction.
   *
   * @param nextTime when it is due
   * @throws IllegalArgumentException when it makes no sense, or is finished
   */
  static Transaction transaction(Gid gid, JsonNode global, List<JsonNode> rows, Instant nextTime) {
    TransType type = TransType.of(text(global, "trans_type"));
    GlobalStatus status = GlobalStatus.of(text(global, "status"));
    Instant createTime = time(global, "create_time");
    if (type == null || status == null || status.isFinal() || createTime == null) {
      throw new IllegalArgumentException(
          "a transaction of type "
              + text(global, "trans_type")
              + " in status "
              + text(global, "status")
              + ", created "
              + createTime
              + " (expected: an unfinished one)");
    }
    if (!text(global, "gid").equals(gid.value())) {
      throw new IllegalArgumentException("gid in the record: " + text(global, "gid"));
    }
    var definition =
        new Definition(
            type,
            text(global, "protocol"),
            text(global, "query_prepared"),
            text(global, "custom_data"),
            options(global),
            createTime);
    Instant updateTime = time(global, "update_time");
    Duration interval = Duration.ofSeconds(global.path("next_cron_interval").asLong());
    var state =
        new State(
            status,
            State.shortened(text(global, "rollback_reason")),
            text(global, "result"),
            updateTime == null ? createTime : updateTime,
            null,
            new Schedule(interval, nextTime),
            extra(definition, status, nextTime, global));
    var branches = new ArrayList<Branch>();
    for (JsonNode row : rows) {
      branches.add(branch(row, createTime));
    }
    return new Transaction(gid, definition, state, branches);
  }

  /** A delayed message is not sent before DTM would have looked at it again. */
  private static Extra extra(
      Definition definition, GlobalStatus status, Instant nextTime, JsonNode global) {
    boolean isDelayed =
        definition.type() == TransType.MSG
            && status == GlobalStatus.SUBMITTED
            && CustomData.delay(definition.customData()) > 0;
    return Extra.NONE
        .withDelayUntil(isDelayed ? nextTime : null)
        .withRetryCount(global.path("retry_count").asLong());
  }

  /** The text is what counts where there is one; headers of old data come before its own. */
  private static Options options(JsonNode global) {
    JsonNode options = parsed(global, "options");
    JsonNode from = options.isObject() ? options : global;
    Map<String, String> headers = new HashMap<>();
    add(parsed(global, "ext_data").path("headers"), headers);
    add(from.path("branch_headers"), headers);
    return new Options(
        from.path("wait_result").asBoolean(),
        from.path("timeout_to_fail").asLong(),
        from.path("request_timeout").asLong(),
        from.path("retry_interval").asLong(),
        headers,
        from.path("concurrent").asBoolean(),
        from.path("retry_limit").asLong());
  }

  private static void add(JsonNode from, Map<String, String> headers) {
    from.properties().forEach(header -> headers.put(header.getKey(), header.getValue().asText()));
  }

  private static Branch branch(JsonNode row, Instant usualTime) {
    Instant createTime = time(row, "create_time");
    Instant finishTime = time(row, "finish_time");
    BranchStatus status = branchStatus(text(row, "status"));
    Instant end = finishTime == null ? time(row, "rollback_time") : finishTime;
    if (status != BranchStatus.PREPARED && end == null) {
      end = time(row, "update_time");
    }
    return new Branch(
        new BranchKey(text(row, "branch_id"), Op.of(text(row, "op"))),
        text(row, "url"),
        Payload.of(Base64.getDecoder().decode(text(row, "bin_data"))),
        status,
        createTime == null ? usualTime : createTime,
        status == BranchStatus.PREPARED ? null : end == null ? usualTime : end);
  }

  private static BranchStatus branchStatus(String name) {
    for (BranchStatus status : BranchStatus.values()) {
      if (status.wireName().equals(name)) {
        return status;
      }
    }
    throw new IllegalArgumentException("status of a branch: " + name);
  }

  private static JsonNode parsed(JsonNode node, String name) {
    String text = text(node, name);
    try {
      return text.isEmpty() ? JSON.missingNode() : JSON.readTree(text);
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException(name + " is no JSON", e);
    }
  }

  /** Members that are empty are left out. */
  private static String text(JsonNode node, String name) {
    return node.path(name).asText("");
  }

  private static @Nullable Instant time(JsonNode node, String name) {
    String text = text(node, name);
    return text.isEmpty() || node.path(name).isNull()
        ? null
        : OffsetDateTime.parse(text).toInstant();
  }
}
