package io.dtm4j.store.mongodb;

import static io.dtm4j.store.mongodb.Values.instant;
import static io.dtm4j.store.mongodb.Values.text;
import static io.dtm4j.store.mongodb.Values.time;

import io.dtm4j.model.Branch;
import io.dtm4j.model.BranchKey;
import io.dtm4j.model.Definition;
import io.dtm4j.model.Due;
import io.dtm4j.model.Owner;
import io.dtm4j.model.Schedule;
import io.dtm4j.model.State;
import io.dtm4j.model.Stored;
import io.dtm4j.model.Transaction;
import io.dtm4j.protocol.BranchStatus;
import io.dtm4j.protocol.Gid;
import io.dtm4j.protocol.GlobalStatus;
import io.dtm4j.protocol.Op;
import io.dtm4j.protocol.Options;
import io.dtm4j.protocol.Payload;
import io.dtm4j.protocol.TransType;
import io.dtm4j.store.ExtraJson;
import io.dtm4j.store.Listed;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.NoSuchElementException;
import org.bson.BsonArray;
import org.bson.BsonBinary;
import org.bson.BsonBoolean;
import org.bson.BsonDocument;
import org.bson.BsonInt32;
import org.bson.BsonInt64;
import org.bson.BsonInvalidOperationException;
import org.bson.BsonNumber;
import org.bson.BsonObjectId;
import org.bson.BsonString;
import org.bson.BsonValue;
import org.jspecify.annotations.Nullable;

/**
 * The document of a transaction, and what it means.
 *
 * <p>Rows one after another that share a payload (all of a step do, and all subscribers of a topic)
 * keep it once: the others have no {@link #BIN_DATA}. An empty payload is an empty value. {@link
 * #WRITES} holds the last writes of the document, the newest first: a conditional write compares
 * the first of them, and finds itself among them when it has to know whether it took effect.
 */
final class Documents {
  static final String ID = "_id";
  static final String SEQUENCE = "seq";
  static final String WRITES = "writes";
  static final String LAST_WRITE = "writes.0";
  static final String TYPE = "trans_type";
  static final String CREATE_TIME = "create_time";
  static final String STATUS = "status";

  /** True as long as the status is not final; then it is not there, nor in the index. */
  static final String UNFINISHED = "unfinished";

  static final String REASON = "rollback_reason";
  static final String RESULT = "result";
  static final String UPDATE_TIME = "update_time";
  static final String END_TIME = "end_time";
  static final String INTERVAL = "next_cron_interval";
  static final String NEXT_TIME = "next_cron_time";
  static final String OWNER = "owner";
  static final String MARK = "owner.mark";
  static final String CLAIM = "owner.claim";
  static final String REVISION = "owner.revision";
  static final String EXT_DATA = "ext_data";
  static final String OPTIONS = "options";
  static final String BRANCHES = "branches";
  static final String BRANCH_ID = "branch_id";
  static final String OP = "op";
  static final String FINISH_TIME = "finish_time";
  private static final String SERVER = "owner.server";
  private static final String PROTOCOL = "protocol";

  /** Nanoseconds of the time of creation that a date does not hold. */
  private static final String CREATE_NANOS = "create_nanos";

  private static final String QUERY_PREPARED = "query_prepared";
  private static final String CUSTOM_DATA = "custom_data";
  private static final String URL = "url";
  private static final String BIN_DATA = "bin_data";
  private static final String WAIT_RESULT = "wait_result";
  private static final String TIMEOUT_TO_FAIL = "timeout_to_fail";
  private static final String REQUEST_TIMEOUT = "request_timeout";
  private static final String RETRY_INTERVAL = "retry_interval";
  private static final String BRANCH_HEADERS = "branch_headers";
  private static final String CONCURRENT = "concurrent";
  private static final String RETRY_LIMIT = "retry_limit";
  private static final String NAME = "name";
  private static final String VALUE = "value";

  /** What a server takes, less some for what a command needs beside it. */
  private static final long MOST_BYTES = (16 << 20) - (64 << 10);

  private static final long BYTES_PER_ROW = 200;
  private static final long BYTES_PER_CHARACTER = 3;

  private Documents() {}

  /**
   * A document that was read.
   *
   * @param extData as it is, for the members of others
   * @param lastWrite the newest of {@link #WRITES}
   */
  record Found(Stored stored, String extData, BsonValue lastWrite) {}

  /** All of a new transaction but its {@link #ID}. */
  static BsonDocument newDocument(Stored stored, long sequence, BsonObjectId write) {
    checkSize(stored);
    Transaction transaction = stored.transaction();
    Definition definition = transaction.definition();
    var document =
        new BsonDocument(SEQUENCE, new BsonInt64(sequence))
            .append(WRITES, new BsonArray(List.of(write)))
            .append(TYPE, text(definition.type().wireName()))
            .append(PROTOCOL, text(definition.protocol()))
            .append(CREATE_TIME, time(definition.createTime()))
            .append(QUERY_PREPARED, text(definition.queryPrepared()))
            .append(CUSTOM_DATA, text(definition.customData()));
    int nanos = createNanos(definition.createTime());
    if (nanos != 0) {
      document.append(CREATE_NANOS, new BsonInt32(nanos));
    }
    stateOf(stored, "").forEach((path, value) -> put(document, path, value));
    var rows = new BsonArray(transaction.branches().size());
    Branch before = null;
    for (Branch row : transaction.branches()) {
      rows.add(newRow(row, before));
      before = row;
    }
    return document.append(BRANCHES, rows);
  }

  private static void put(BsonDocument document, String path, BsonValue value) {
    int dot = path.indexOf('.');
    if (dot < 0) {
      document.put(path, value);
    } else {
      String parent = path.substring(0, dot);
      BsonValue inner = document.computeIfAbsent(parent, _ -> new BsonDocument());
      inner.asDocument().put(path.substring(dot + 1), value);
    }
  }

  private static int createNanos(Instant createTime) {
    return (int) createTime.truncatedTo(ChronoUnit.MILLIS).until(createTime, ChronoUnit.NANOS);
  }

  /** What may change of a document, its rows apart, by the paths of its members. */
  static BsonDocument stateOf(Stored stored, String extData) {
    State state = stored.transaction().state();
    Options options = stored.transaction().definition().options();
    Owner owner = stored.owner();
    var values =
        new BsonDocument(STATUS, text(state.status().wireName()))
            .append(REASON, text(state.reason()))
            .append(RESULT, text(state.result()))
            .append(UPDATE_TIME, time(state.updateTime()))
            .append(INTERVAL, new BsonInt64(state.schedule().interval().toSeconds()))
            .append(NEXT_TIME, time(state.schedule().nextTime()))
            .append(MARK, mark(owner.mark()))
            .append(SERVER, text(owner.server()))
            .append(CLAIM, text(owner.claim()))
            .append(REVISION, new BsonInt64(owner.revision()))
            .append(EXT_DATA, text(ExtraJson.write(extData, state.extra())));
    if (!state.status().isFinal()) {
      values.append(UNFINISHED, BsonBoolean.TRUE);
    }
    if (state.endTime() != null) {
      values.append(END_TIME, time(state.endTime()));
    }
    var headers = new BsonArray();
    // A name may have dots, which no path could tell from its own.
    options
        .branchHeaders()
        .forEach(
            (name, value) ->
                headers.add(new BsonDocument(NAME, text(name)).append(VALUE, text(value))));
    return values
        .append(option(WAIT_RESULT), BsonBoolean.valueOf(options.waitResult()))
        .append(option(TIMEOUT_TO_FAIL), new BsonInt64(options.timeoutToFail()))
        .append(option(REQUEST_TIMEOUT), new BsonInt64(options.requestTimeout()))
        .append(option(RETRY_INTERVAL), new BsonInt64(options.retryInterval()))
        .append(option(BRANCH_HEADERS), headers)
        .append(option(CONCURRENT), BsonBoolean.valueOf(options.concurrent()))
        .append(option(RETRY_LIMIT), new BsonInt64(options.retryLimit()));
  }

  private static String option(String name) {
    return OPTIONS + "." + name;
  }

  static BsonValue mark(Owner.Mark mark) {
    return text(mark.name().toLowerCase(Locale.ROOT));
  }

  /**
   * A branch row.
   *
   * @param before the row before it; null: it is the first
   */
  static BsonDocument newRow(Branch row, @Nullable Branch before) {
    var document =
        new BsonDocument(BRANCH_ID, text(row.key().branchId()))
            .append(OP, text(row.key().op().wireName()))
            .append(STATUS, text(row.status().wireName()))
            .append(URL, text(row.url()));
    if (before == null || !row.payload().equals(before.payload())) {
      document.append(BIN_DATA, new BsonBinary(row.payload().bytes()));
    }
    document.append(CREATE_TIME, time(row.createTime()));
    if (row.finishTime() != null) {
      document.append(FINISH_TIME, time(row.finishTime()));
    }
    return document;
  }

  /** The path of a member of a row. */
  static String ofRow(int row, String member) {
    return BRANCHES + "." + row + "." + member;
  }

  /**
   * Refuses what would not fit into one document, before anything is sent.
   *
   * @throws UnstorableException when it may be too large
   */
  static void checkSize(Stored stored) {
    Definition definition = stored.transaction().definition();
    State state = stored.transaction().state();
    long bytes =
        BYTES_PER_CHARACTER
            * ((long) definition.customData().length()
                + definition.queryPrepared().length()
                + state.result().length()
                + state.reason().length());
    for (Map.Entry<String, String> header : definition.options().branchHeaders().entrySet()) {
      bytes += BYTES_PER_CHARACTER * (header.getKey().length() + header.getValue().length());
    }
    Payload last = Payload.EMPTY;
    for (Branch row : stored.transaction().branches()) {
      bytes += BYTES_PER_ROW + BYTES_PER_CHARACTER * row.url().length();
      if (!row.payload().equals(last)) {
        last = row.payload();
        bytes += last.bytes().length;
      }
    }
    if (bytes > MOST_BYTES) {
      throw new UnstorableException(
          "transaction of some " + bytes + " bytes (expected: <= " + MOST_BYTES + ")");
    }
  }

  /** The condition that it is the document of that gid. */
  static BsonDocument id(Gid gid) {
    return new BsonDocument(ID, new BsonString(gid.value()));
  }

  static Gid gid(BsonDocument document) {
    return new Gid(document.getString(ID).getValue());
  }

  /**
   * Whose document it is, as far as its id says.
   *
   * @throws BrokenRecordException when that is no gid
   */
  static Gid readGid(BsonDocument document) {
    try {
      return gid(document);
    } catch (IllegalArgumentException | BsonInvalidOperationException e) {
      throw broken(document, e);
    }
  }

  /** The condition that it has a number, which all have that a store has made. */
  static BsonDocument numbered() {
    return new BsonDocument(SEQUENCE, numberBehind(new BsonInt64(Long.MIN_VALUE)));
  }

  /** A condition for what is a number and larger than that one. */
  static BsonDocument numberBehind(BsonNumber number) {
    return new BsonDocument("$gt", number).append("$lt", new BsonInt64(Long.MAX_VALUE));
  }

  /**
   * What a due index shows.
   *
   * @throws BrokenRecordException when it makes no sense
   */
  static Due due(BsonDocument document) {
    try {
      return new Due(gid(document), owner(document), instant(document.getDateTime(NEXT_TIME)));
    } catch (IllegalArgumentException | BsonInvalidOperationException e) {
      throw broken(document, e);
    }
  }

  static Owner owner(BsonDocument document) {
    BsonDocument owner = document.getDocument(OWNER);
    return new Owner(
        Owner.Mark.valueOf(owner.getString("mark").getValue().toUpperCase(Locale.ROOT)),
        owner.getString("server").getValue(),
        owner.getString("claim").getValue(),
        owner.getInt64("revision").getValue());
  }

  /**
   * A whole document.
   *
   * @throws BrokenRecordException when it makes no sense
   */
  static Found read(BsonDocument document) {
    try {
      Listed listed = listed(document);
      var transaction =
          new Transaction(
              listed.gid(), listed.definition(), listed.state(), rows(document.getArray(BRANCHES)));
      return new Found(
          new Stored(transaction, listed.owner()),
          document.getString(EXT_DATA).getValue(),
          document.getArray(WRITES).getFirst());
    } catch (IllegalArgumentException | BsonInvalidOperationException | NoSuchElementException e) {
      throw broken(document, e);
    }
  }

  private static BrokenRecordException broken(BsonDocument document, RuntimeException cause) {
    return new BrokenRecordException(
        "the record of " + document.get(ID) + " cannot be read", cause);
  }

  /**
   * A document without its rows.
   *
   * @throws BrokenRecordException when it makes no sense
   */
  static Listed readListed(BsonDocument document) {
    try {
      return listed(document);
    } catch (IllegalArgumentException | BsonInvalidOperationException e) {
      throw broken(document, e);
    }
  }

  private static Listed listed(BsonDocument document) {
    TransType type = TransType.of(document.getString(TYPE).getValue());
    GlobalStatus status = GlobalStatus.of(document.getString(STATUS).getValue());
    if (type == null || status == null) {
      throw new IllegalArgumentException("its type or status is not known");
    }
    BsonValue nanos = document.get(CREATE_NANOS);
    var definition =
        new Definition(
            type,
            document.getString(PROTOCOL).getValue(),
            document.getString(QUERY_PREPARED).getValue(),
            document.getString(CUSTOM_DATA).getValue(),
            options(document.getDocument(OPTIONS)),
            instant(document.getDateTime(CREATE_TIME))
                .plusNanos(nanos == null ? 0 : nanos.asNumber().intValue()));
    var state =
        new State(
            status,
            document.getString(REASON).getValue(),
            document.getString(RESULT).getValue(),
            instant(document.getDateTime(UPDATE_TIME)),
            optionalTime(document, END_TIME),
            new Schedule(
                Duration.ofSeconds(document.getNumber(INTERVAL).longValue()),
                instant(document.getDateTime(NEXT_TIME))),
            ExtraJson.read(document.getString(EXT_DATA).getValue()));
    return new Listed(gid(document), definition, state, owner(document));
  }

  private static @Nullable Instant optionalTime(BsonDocument document, String name) {
    return document.containsKey(name) ? instant(document.getDateTime(name)) : null;
  }

  private static Options options(BsonDocument document) {
    Map<String, String> headers = new HashMap<>();
    for (BsonValue header : document.getArray(BRANCH_HEADERS)) {
      headers.put(
          header.asDocument().getString(NAME).getValue(),
          header.asDocument().getString(VALUE).getValue());
    }
    return new Options(
        document.getBoolean(WAIT_RESULT).getValue(),
        document.getNumber(TIMEOUT_TO_FAIL).longValue(),
        document.getNumber(REQUEST_TIMEOUT).longValue(),
        document.getNumber(RETRY_INTERVAL).longValue(),
        headers,
        document.getBoolean(CONCURRENT).getValue(),
        document.getNumber(RETRY_LIMIT).longValue());
  }

  private static List<Branch> rows(BsonArray rows) {
    var branches = new ArrayList<Branch>(rows.size());
    Payload payload = Payload.EMPTY;
    for (BsonValue value : rows) {
      BsonDocument row = value.asDocument();
      if (row.containsKey(BIN_DATA)) {
        payload = Payload.of(row.getBinary(BIN_DATA).getData());
      }
      branches.add(
          new Branch(
              new BranchKey(
                  row.getString(BRANCH_ID).getValue(), Op.of(row.getString(OP).getValue())),
              row.getString(URL).getValue(),
              payload,
              branchStatus(row.getString(STATUS).getValue()),
              instant(row.getDateTime(CREATE_TIME)),
              optionalTime(row, FINISH_TIME)));
    }
    return branches;
  }

  private static BranchStatus branchStatus(String name) {
    for (BranchStatus status : BranchStatus.values()) {
      if (status.wireName().equals(name)) {
        return status;
      }
    }
    throw new IllegalArgumentException("status of a branch: " + name);
  }
}
