package io.dtm4j.store.rocksdb;

import io.dtm4j.model.Branch;
import io.dtm4j.model.BranchKey;
import io.dtm4j.model.Definition;
import io.dtm4j.protocol.Gid;
import io.dtm4j.protocol.Op;
import io.dtm4j.protocol.Options;
import io.dtm4j.protocol.Payload;
import io.dtm4j.protocol.TransType;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;

/**
 * What never changes of a transaction: its definition, and of its rows the keys, urls, payloads and
 * times of creation. Rows that are registered later lie in rows of their own, so that nothing is
 * written twice. A payload that rows one after another share (all rows of a step do) is stored once
 * and shared again when it is read.
 */
record DefinitionRow(Gid gid, Definition definition, List<Branch> branches) {
  private static final int VERSION = 1;

  /** Their places are stored: only append. */
  static final List<TransType> TYPES =
      List.of(TransType.SAGA, TransType.TCC, TransType.XA, TransType.MSG, TransType.WORKFLOW);

  /** Their places are stored, from 1 on: only append. 0 is any other name. */
  private static final List<String> OPS =
      List.of("action", "compensate", "confirm", "cancel", "commit", "rollback", "business");

  private static final int WAIT_RESULT = 1;
  private static final int CONCURRENT = 2;

  static byte[] write(RowWriter writer, Gid gid, Definition definition, List<Branch> branches) {
    writer
        .clear()
        .code(VERSION)
        .text(gid.value())
        .code(TYPES.indexOf(definition.type()))
        .text(definition.protocol())
        .text(definition.queryPrepared())
        .text(definition.customData());
    write(writer, definition.options());
    writer.time(definition.createTime());
    write(writer, branches, definition.createTime());
    return writer.copy();
  }

  static DefinitionRow read(byte[] row) {
    return read(row, true);
  }

  /** The same without its rows, which may be large. */
  static DefinitionRow readHead(byte[] row) {
    return read(row, false);
  }

  private static DefinitionRow read(byte[] row, boolean withRows) {
    RowReader reader = RowReader.of(row, VERSION);
    var gid = new Gid(reader.text());
    TransType type = TYPES.get(reader.code());
    String protocol = reader.text();
    String queryPrepared = reader.text();
    String customData = reader.text();
    Options options = readOptions(reader);
    Instant createTime = reader.time();
    return new DefinitionRow(
        gid,
        new Definition(type, protocol, queryPrepared, customData, options, createTime),
        withRows ? readRows(reader, createTime) : List.of());
  }

  /** Rows that were registered after the transaction was created. */
  static byte[] writeLater(RowWriter writer, Definition definition, List<Branch> branches) {
    write(writer.clear().code(VERSION), branches, definition.createTime());
    return writer.copy();
  }

  static List<Branch> readLater(byte[] row, Definition definition) {
    return readRows(RowReader.of(row, VERSION), definition.createTime());
  }

  private static void write(RowWriter writer, Options options) {
    writer
        .code((options.waitResult() ? WAIT_RESULT : 0) | (options.concurrent() ? CONCURRENT : 0))
        .signed(options.timeoutToFail())
        .signed(options.requestTimeout())
        .signed(options.retryInterval())
        .signed(options.retryLimit())
        .number(options.branchHeaders().size());
    options.branchHeaders().forEach((name, value) -> writer.text(name).text(value));
  }

  private static Options readOptions(RowReader reader) {
    int flags = reader.code();
    long timeoutToFail = reader.signed();
    long requestTimeout = reader.signed();
    long retryInterval = reader.signed();
    long retryLimit = reader.signed();
    int count = reader.count();
    var headers = new HashMap<String, String>();
    for (int i = 0; i < count; i++) {
      String name = reader.text();
      headers.put(name, reader.text());
    }
    return new Options(
        (flags & WAIT_RESULT) != 0,
        timeoutToFail,
        requestTimeout,
        retryInterval,
        headers,
        (flags & CONCURRENT) != 0,
        retryLimit);
  }

  private static void write(RowWriter writer, List<Branch> branches, Instant usualTime) {
    writer.number(branches.size());
    Payload last = Payload.EMPTY;
    for (Branch branch : branches) {
      writer.text(branch.key().branchId());
      write(writer, branch.key().op());
      writer.text(branch.url());
      if (branch.payload().equals(last)) {
        writer.code(1);
      } else {
        last = branch.payload();
        writer.code(0).bytes(last.bytes());
      }
      writer.time(branch.createTime(), usualTime);
    }
  }

  private static List<Branch> readRows(RowReader reader, Instant usualTime) {
    int count = reader.count();
    var branches = new ArrayList<Branch>(count);
    Payload payload = Payload.EMPTY;
    for (int i = 0; i < count; i++) {
      String branchId = reader.text();
      Op op = readOp(reader);
      String url = reader.text();
      payload = reader.code() == 1 ? payload : Payload.of(reader.bytes());
      Instant createTime = reader.time(usualTime);
      branches.add(Branch.open(new BranchKey(branchId, op), url, payload, createTime));
    }
    return branches;
  }

  private static void write(RowWriter writer, Op op) {
    int place = OPS.indexOf(op.wireName()) + 1;
    writer.code(place);
    if (place == 0) {
      writer.text(op.wireName());
    }
  }

  private static Op readOp(RowReader reader) {
    int place = reader.code();
    return Op.of(place == 0 ? reader.text() : OPS.get(place - 1));
  }
}
