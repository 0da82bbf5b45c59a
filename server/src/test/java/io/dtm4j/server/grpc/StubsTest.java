package io.dtm4j.server.grpc;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.Descriptors.Descriptor;
import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.Descriptors.FileDescriptor;
import com.google.protobuf.Descriptors.MethodDescriptor;
import com.google.protobuf.Descriptors.ServiceDescriptor;
import io.dtm4j.stubs.DtmProto;
import io.dtm4j.stubs.DtmTransOptions;
import io.dtm4j.stubs.WorkflowProto;
import java.util.Locale;
import java.util.stream.Stream;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Test;

/** Names, numbers and types that clients are built with: docs/spec/grpc-api.md 1, 2 and 7. */
@DisplayNameGeneration(ReplaceUnderscores.class)
class StubsTest {
  private static final String DTM =
      """
      rpc dtmgimp.Dtm/NewGid(google.protobuf.Empty) dtmgimp.DtmGidReply
      rpc dtmgimp.Dtm/Submit(dtmgimp.DtmRequest) google.protobuf.Empty
      rpc dtmgimp.Dtm/Prepare(dtmgimp.DtmRequest) google.protobuf.Empty
      rpc dtmgimp.Dtm/Abort(dtmgimp.DtmRequest) google.protobuf.Empty
      rpc dtmgimp.Dtm/RegisterBranch(dtmgimp.DtmBranchRequest) google.protobuf.Empty
      rpc dtmgimp.Dtm/PrepareWorkflow(dtmgimp.DtmRequest) dtmgimp.DtmProgressesReply
      rpc dtmgimp.Dtm/Subscribe(dtmgimp.DtmTopicRequest) google.protobuf.Empty
      rpc dtmgimp.Dtm/Unsubscribe(dtmgimp.DtmTopicRequest) google.protobuf.Empty
      rpc dtmgimp.Dtm/DeleteTopic(dtmgimp.DtmTopicRequest) google.protobuf.Empty
      DtmTransOptions.WaitResult 1 bool
      DtmTransOptions.TimeoutToFail 2 int64
      DtmTransOptions.RetryInterval 3 int64
      DtmTransOptions.BranchHeaders 5 map
      DtmTransOptions.RequestTimeout 6 int64
      DtmTransOptions.RetryLimit 7 int64
      DtmRequest.Gid 1 string
      DtmRequest.TransType 2 string
      DtmRequest.TransOptions 3 message
      DtmRequest.CustomedData 4 string
      DtmRequest.BinPayloads 5 repeated bytes
      DtmRequest.QueryPrepared 6 string
      DtmRequest.Steps 7 string
      DtmRequest.ReqExtra 8 map
      DtmRequest.RollbackReason 9 string
      DtmGidReply.Gid 1 string
      DtmBranchRequest.Gid 1 string
      DtmBranchRequest.TransType 2 string
      DtmBranchRequest.BranchID 3 string
      DtmBranchRequest.Op 4 string
      DtmBranchRequest.Data 5 map
      DtmBranchRequest.BusiPayload 6 bytes
      DtmProgressesReply.Transaction 1 message transaction
      DtmProgressesReply.Progresses 2 repeated message progresses
      DtmTransaction.Gid 1 string gid
      DtmTransaction.Status 2 string status
      DtmTransaction.RollbackReason 3 string rollback_reason
      DtmTransaction.Result 4 string result
      DtmProgress.Status 1 string status
      DtmProgress.BinData 2 bytes bin_data
      DtmProgress.BranchID 3 string branch_id
      DtmProgress.Op 4 string op
      DtmTopicRequest.Topic 1 string
      DtmTopicRequest.URL 2 string
      DtmTopicRequest.Remark 3 string
      """;

  private static final String WORKFLOW =
      """
      rpc workflow.Workflow/Execute(workflow.WorkflowData) google.protobuf.Empty
      WorkflowData.Data 1 bytes
      """;

  @Test
  void the_service_of_the_server_is_as_published() {
    assertThat(lines(DtmProto.getDescriptor())).containsExactlyElementsOf(DTM.lines().toList());
  }

  @Test
  void the_service_of_applications_is_as_published() {
    assertThat(lines(WorkflowProto.getDescriptor()))
        .containsExactlyElementsOf(WORKFLOW.lines().toList());
  }

  @Test
  void the_retired_option_is_never_used_again() {
    assertThat(DtmTransOptions.getDescriptor().isReservedNumber(4)).isTrue();
  }

  private static Stream<String> lines(FileDescriptor file) {
    return Stream.concat(
        file.getServices().stream()
            .map(ServiceDescriptor::getMethods)
            .flatMap(methods -> methods.stream().map(StubsTest::line)),
        file.getMessageTypes().stream()
            .map(Descriptor::getFields)
            .flatMap(fields -> fields.stream().map(StubsTest::line)));
  }

  private static String line(MethodDescriptor method) {
    assertThat(method.isClientStreaming() || method.isServerStreaming()).isFalse();
    return "rpc %s/%s(%s) %s"
        .formatted(
            method.getService().getFullName(),
            method.getName(),
            method.getInputType().getFullName(),
            method.getOutputType().getFullName());
  }

  private static String line(FieldDescriptor field) {
    String type = field.isMapField() ? "map" : field.getType().name().toLowerCase(Locale.ROOT);
    return field.getContainingType().getName()
        + "."
        + field.getName()
        + " "
        + field.getNumber()
        + (field.isRepeated() && !field.isMapField() ? " repeated " : " ")
        + type
        + jsonName(field);
  }

  /** The name in JSON where the file gives one. */
  private static String jsonName(FieldDescriptor field) {
    return field.getJsonName().equals(field.getName()) ? "" : " " + field.getJsonName();
  }
}
