package io.dtm4j.server.grpc;

import com.google.protobuf.ByteString;
import io.dtm4j.model.Branch;
import io.dtm4j.model.Stored;
import io.dtm4j.model.Transaction;
import io.dtm4j.protocol.BranchRequest;
import io.dtm4j.protocol.Options;
import io.dtm4j.protocol.Payload;
import io.dtm4j.protocol.RequestReader;
import io.dtm4j.protocol.TraceContext;
import io.dtm4j.protocol.TransactionRequest;
import io.dtm4j.protocol.UnreadableRequestException;
import io.dtm4j.stubs.DtmBranchRequest;
import io.dtm4j.stubs.DtmProgress;
import io.dtm4j.stubs.DtmProgressesReply;
import io.dtm4j.stubs.DtmRequest;
import io.dtm4j.stubs.DtmTransOptions;
import io.dtm4j.stubs.DtmTransaction;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Between messages of gRPC and the words of the protocol (docs/spec/grpc-api.md 2). */
final class Messages {
  private static final String PROTOCOL = "grpc";

  private Messages() {}

  /**
   * @param trace what the metadata says; null: nothing
   */
  static TransactionRequest transactionIn(DtmRequest message, @Nullable TraceContext trace)
      throws UnreadableRequestException {
    DtmTransOptions options = message.getTransOptions();
    Map<String, String> headers = options.getBranchHeadersMap();
    Map<String, String> extra = message.getReqExtraMap();
    RequestReader.checkEntries("BranchHeaders", headers.size());
    RequestReader.checkEntries("ReqExtra", extra.size());
    return new TransactionRequest(
        message.getGid(),
        message.getTransType(),
        RequestReader.readSteps(message.getSteps()),
        payloadsIn(message),
        message.getQueryPrepared(),
        PROTOCOL,
        message.getCustomedData(),
        new Options(
            options.getWaitResult(),
            options.getTimeoutToFail(),
            options.getRequestTimeout(),
            options.getRetryInterval(),
            headers,
            false, // there is no field for it
            options.getRetryLimit()),
        message.getRollbackReason(),
        extra,
        trace);
  }

  private static List<Payload> payloadsIn(DtmRequest message) {
    return message.getBinPayloadsList().stream()
        .limit(RequestReader.MAX_STEPS) // there are never more steps than that
        .map(Messages::payload)
        .toList();
  }

  static BranchRequest branchIn(DtmBranchRequest message) {
    Map<String, String> data = message.getDataMap();
    return new BranchRequest(
        message.getGid(),
        message.getTransType(),
        message.getBranchID(),
        payload(message.getBusiPayload()),
        data.getOrDefault("confirm", ""),
        data.getOrDefault("cancel", ""),
        data.getOrDefault("url", ""),
        data.getOrDefault("op", ""),
        data.getOrDefault("status", ""));
  }

  private static Payload payload(ByteString bytes) {
    return Payload.of(bytes.toByteArray());
  }

  /** A workflow with its steps. */
  static DtmProgressesReply progressesOf(Stored stored) {
    Transaction transaction = stored.transaction();
    var reply =
        DtmProgressesReply.newBuilder()
            .setTransaction(
                DtmTransaction.newBuilder()
                    .setGid(transaction.gid().value())
                    .setStatus(transaction.status().wireName())
                    .setRollbackReason(transaction.state().reason())
                    .setResult(transaction.state().result()));
    for (Branch branch : transaction.branches()) {
      reply.addProgresses(
          DtmProgress.newBuilder()
              .setStatus(branch.status().wireName())
              .setBinData(ByteString.copyFrom(branch.payload().bytes()))
              .setBranchID(branch.key().branchId())
              .setOp(branch.key().op().wireName()));
    }
    return reply.build();
  }
}
