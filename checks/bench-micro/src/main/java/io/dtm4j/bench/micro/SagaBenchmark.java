package io.dtm4j.bench.micro;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.dtm4j.engine.Commands;
import io.dtm4j.engine.Creation;
import io.dtm4j.engine.Decision;
import io.dtm4j.engine.Engine;
import io.dtm4j.engine.Event;
import io.dtm4j.engine.Pass;
import io.dtm4j.engine.RefusedException;
import io.dtm4j.engine.Settings;
import io.dtm4j.engine.Topics;
import io.dtm4j.model.Batch;
import io.dtm4j.model.Guard;
import io.dtm4j.model.Owner;
import io.dtm4j.model.Stored;
import io.dtm4j.model.Transaction;
import io.dtm4j.protocol.BranchAnswer;
import io.dtm4j.protocol.GlobalStatus;
import io.dtm4j.protocol.RequestReader;
import io.dtm4j.protocol.TransactionRequest;
import io.dtm4j.protocol.UnreadableRequestException;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/**
 * The life of a saga of two branches that both succeed: each benchmark is a step that a server
 * takes between its transport and its disk, and begins with what the step before has left. Their
 * names sort in the order in which they happen.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(1)
@Warmup(iterations = 5, time = 1)
@Measurement(iterations = 5, time = 1)
public class SagaBenchmark {
  private static final String PAYLOAD =
      """
      {"user":17,"amount":30,"currency":"EUR","memo":"bench payload of about one hundred bytes"}""";

  /** The submit of {@code ./dtm4j bench --work saga2}. */
  private static final String BODY =
      """
      {"gid":"1q2w3e4r5t6z7-10000","trans_type":"saga","wait_result":true,"steps":[\
      {"action":"http://127.0.0.1:31234/ok/out","compensate":"http://127.0.0.1:31234/ok/outback"},\
      {"action":"http://127.0.0.1:31234/ok/in","compensate":"http://127.0.0.1:31234/ok/inback"}],\
      "payloads":["%1$s","%1$s"]}"""
          .formatted(PAYLOAD.replace("\"", "\\\""));

  private static final Instant NOW = Instant.ofEpochSecond(1_800_000_000);
  private static final Owner OWNER = new Owner(Owner.Mark.LEASED, "bench", "claim", 1);

  /** Rows come in pairs, the compensation first. */
  private static final int FIRST_ACTION = 1;

  private static final int LAST_ACTION = 3;

  private final Engine engine = new Engine(Settings.DEFAULTS);
  private final Commands commands = new Commands(Settings.DEFAULTS);

  private final byte[] body = BODY.getBytes(UTF_8);
  private final TransactionRequest request = step1ReadSubmit();
  private final Transaction proposed = step2Create();
  private final Batch creation = ((Commands.Verdict.Commit) step3Submit()).batch();
  private final Stored created = stored(step4ApplyCreation());
  private final Pass begun = Pass.begin(created.transaction(), NOW);
  private final Pass callingFirst = step5DecideStarted().pass();
  private final Batch afterFirst = batch(step6DecideFirstAnswer(), OWNER, Owner.Mark.LEASED);
  private final Stored half = stored(step7ApplyFirstAnswer());
  private final Pass callingLast = step6DecideFirstAnswer().pass();
  private final Batch afterLast = batch(step8DecideLastAnswer(), half.owner(), Owner.Mark.RESTING);

  /** The body of a submit becomes a request. */
  @Benchmark
  public final TransactionRequest step1ReadSubmit() {
    try {
      return RequestReader.read(body);
    } catch (UnreadableRequestException e) {
      throw new IllegalStateException(e);
    }
  }

  /** The request becomes a transaction with its branch rows. */
  @Benchmark
  public final Transaction step2Create() {
    try {
      return Creation.of(request, Topics.NONE, NOW);
    } catch (RefusedException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Nobody has that gid: the transaction is to be saved. */
  @Benchmark
  public final Commands.Verdict step3Submit() {
    return commands.create(proposed, GlobalStatus.SUBMITTED, OWNER, NOW);
  }

  /** What a store does with the batch, its own writing left out. */
  @Benchmark
  public final Batch.Applied step4ApplyCreation() {
    return creation.applyTo(null);
  }

  /** The pass begins: the first action is to be called. */
  @Benchmark
  public final Decision step5DecideStarted() {
    return engine.decide(begun, List.of(Event.Started.INSTANCE), NOW);
  }

  /** The first action is done: that is to be stored, and the last action called. */
  @Benchmark
  public final Decision step6DecideFirstAnswer() {
    return engine.decide(callingFirst, succeeded(FIRST_ACTION), NOW);
  }

  /** What a store does with that batch. */
  @Benchmark
  public final Batch.Applied step7ApplyFirstAnswer() {
    return afterFirst.applyTo(created);
  }

  /** The last action is done: so is the saga. */
  @Benchmark
  public final Decision step8DecideLastAnswer() {
    return engine.decide(callingLast, succeeded(LAST_ACTION), NOW);
  }

  /** What a store does with the last batch. */
  @Benchmark
  public final Batch.Applied step9ApplyLastAnswer() {
    return afterLast.applyTo(half);
  }

  private static List<Event> succeeded(int row) {
    return List.of(new Event.Answered(row, BranchAnswer.Success.INSTANCE));
  }

  private Batch batch(Decision decision, Owner owner, Owner.Mark mark) {
    return new Batch(
        proposed.gid(),
        new Guard.HeldBy(created.transaction().status(), owner),
        owner.next(mark),
        decision.writes());
  }

  private static Stored stored(Batch.Applied applied) {
    return ((Batch.Applied.Changed) applied).stored();
  }
}
