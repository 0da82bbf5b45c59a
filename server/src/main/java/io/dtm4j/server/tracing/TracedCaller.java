package io.dtm4j.server.tracing;

import io.dtm4j.coordinator.Caller;
import io.dtm4j.engine.Call;
import io.dtm4j.model.Attempt;
import io.dtm4j.protocol.BranchAnswer;
import io.dtm4j.protocol.TraceContext;
import io.dtm4j.protocol.TransType;
import io.opentelemetry.api.common.AttributeKey;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.api.trace.StatusCode;
import io.opentelemetry.api.trace.Tracer;
import io.opentelemetry.api.trace.propagation.W3CTraceContextPropagator;
import io.opentelemetry.context.Context;
import io.opentelemetry.context.propagation.TextMapGetter;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Makes a span of each call, which begins when the call is handed over and ends with its answer.
 * The participant is told that it was called by this span.
 */
final class TracedCaller implements Caller {
  private static final AttributeKey<String> GID = AttributeKey.stringKey("dtm.gid");
  private static final AttributeKey<String> TRANS_TYPE = AttributeKey.stringKey("dtm.trans_type");
  private static final AttributeKey<String> BRANCH_ID = AttributeKey.stringKey("dtm.branch_id");
  private static final AttributeKey<String> OP = AttributeKey.stringKey("dtm.op");
  private static final AttributeKey<String> ANSWER = AttributeKey.stringKey("dtm.answer");

  private static final W3CTraceContextPropagator W3C = W3CTraceContextPropagator.getInstance();

  private static final TextMapGetter<TraceContext> KEPT =
      (trace, name) ->
          trace == null ? null : name.equals(TraceContext.PARENT) ? trace.parent() : trace.state();

  private final Caller caller;
  private final Tracer tracer;

  TracedCaller(Caller caller, Tracer tracer) {
    this.caller = caller;
    this.tracer = tracer;
  }

  @Override
  public void send(Call call, Ended ended) {
    // Names of headers are the same in any letter case.
    Map<String, String> headers = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
    headers.putAll(call.headers());
    Context parent = parentOf(call, headers);
    Span span =
        tracer
            .spanBuilder(nameOf(call))
            .setParent(parent)
            .setSpanKind(SpanKind.CLIENT)
            .setAttribute(GID, call.gid().value())
            .setAttribute(TRANS_TYPE, call.type().wireName())
            .setAttribute(BRANCH_ID, call.key().branchId())
            .setAttribute(OP, call.key().op().wireName())
            .startSpan();
    headers.remove(TraceContext.STATE);
    W3C.inject(parent.with(span), headers, TracedCaller::put);
    caller.send(call.withHeaders(headers), new Traced(span, ended));
  }

  /**
   * What the client says of the branches ({@code branch_headers}) goes before what it says of its
   * request: whatever a participant would have been told without us, it stays in that trace.
   */
  private static Context parentOf(Call call, Map<String, String> headers) {
    TraceContext ofBranches =
        TraceContext.of(
            headers.get(TraceContext.PARENT), headers.getOrDefault(TraceContext.STATE, ""));
    TraceContext trace = ofBranches == null ? call.trace() : ofBranches;
    return trace == null ? Context.root() : W3C.extract(Context.root(), trace, KEPT);
  }

  private static void put(@Nullable Map<String, String> headers, String name, String value) {
    if (headers != null) {
      headers.put(name, value);
    }
  }

  /** One of few: the op of a workflow is its name. */
  private static String nameOf(Call call) {
    String what =
        call.row() != Call.NO_ROW
            ? call.key().op().wireName()
            : call.type() == TransType.WORKFLOW ? "resume" : "check-back";
    return call.type().wireName() + " " + what;
  }

  /** Ends the span with the call, which is exactly once. */
  private record Traced(Span span, Ended told) implements Ended {
    @Override
    public void ended(BranchAnswer answer, boolean unreachable) {
      switch (answer) {
        case BranchAnswer.Success _ -> span.setAttribute(ANSWER, "success");
        case BranchAnswer.Ongoing _ -> span.setAttribute(ANSWER, "ongoing");
        case BranchAnswer.Failure(String text) -> failed("failure", text);
        case BranchAnswer.Unknown(String text) -> failed("unknown", text);
      }
      span.end();
      told.ended(answer, unreachable);
    }

    private void failed(String answer, String text) {
      span.setAttribute(ANSWER, answer);
      span.setStatus(
          StatusCode.ERROR, text.substring(0, Math.min(text.length(), Attempt.MAX_TEXT)));
    }

    @Override
    public boolean mayLeave() {
      return told.mayLeave();
    }

    @Override
    public boolean hasRight() {
      return told.hasRight();
    }
  }
}
