package io.dtm4j.coordinator;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import io.dtm4j.engine.Commands;
import io.dtm4j.engine.Creation;
import io.dtm4j.engine.Engine;
import io.dtm4j.engine.Settings;
import io.dtm4j.engine.Topics;
import io.dtm4j.model.Batch;
import io.dtm4j.model.Stored;
import io.dtm4j.model.Transaction;
import io.dtm4j.protocol.GlobalStatus;
import io.dtm4j.protocol.Options;
import io.dtm4j.store.EventLoop;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.Queue;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Test;

/** Two loops begin passes of one gid at the same time. */
@DisplayNameGeneration(ReplaceUnderscores.class)
class BeginTest {
  private static final Instant NOW = Instant.parse("2026-03-04T05:06:07Z");

  /** What other loops do while this one begins a pass and asks for the time. */
  private final Queue<Runnable> meanwhile = new ArrayDeque<>();

  private final Claims claims = new Claims("server");
  private final Commands commands = new Commands(Settings.DEFAULTS);
  private final VirtualTime time = new VirtualTime();
  private final VirtualProcess process = new VirtualProcess(time);
  private final Coordinator coordinator =
      new Coordinator(
          new Engine(Settings.DEFAULTS),
          new VirtualCommitter(
              time, process, new Weather(), new SharedStore(time, (_, _) -> {}), null, _ -> {}),
          (_, _) -> {},
          (_, _) -> () -> {},
          this::now,
          time::nanoTime,
          CoordinatorLimits.DEFAULTS,
          Observer.NONE);

  private Instant now() {
    Runnable next = meanwhile.poll();
    if (next != null) {
      next.run();
    }
    return NOW;
  }

  @Test
  void the_pass_of_an_older_claim_never_takes_the_place_of_a_newer_one() throws Exception {
    Transaction message =
        Creation.of(
            Requests.message("g", 1).timeoutToFail(1).request(), Topics.NONE, NOW.minusSeconds(9));
    Stored prepared =
        after(commands.create(message, GlobalStatus.PREPARED, claims.next(), NOW), null);
    Stored claimed = new Stored(prepared.transaction(), claims.next());
    Stored submitted =
        after(commands.submit(Options.DEFAULTS, claimed, claims.next(), NOW), claimed);
    coordinator.expect(message.gid());
    coordinator.expect(message.gid());
    meanwhile.add(() -> begin(submitted));

    begin(claimed);

    LivePass live = requireNonNull(coordinator.passOf(message.gid()));
    assertThat(live.claim).isEqualTo(submitted.owner().claim());
    assertThat(live.ended).isFalse();
    assertThat(coordinator.openPasses()).isEqualTo(1);
    assertThat(coordinator.openBytes()).isEqualTo(live.bytes);
  }

  private void begin(Stored stored) {
    coordinator.begin(
        stored, time.nanoTime() + Duration.ofSeconds(10).toNanos(), new AtOnce(), null);
  }

  private static Stored after(Commands.Verdict verdict, @Nullable Stored before) {
    Batch batch = ((Commands.Verdict.Commit) verdict).batch();
    return ((Batch.Applied.Changed) batch.applyTo(before)).stored();
  }

  private static final class AtOnce implements EventLoop {
    @Override
    public void execute(Runnable task) {
      task.run();
    }

    @Override
    public boolean isCurrent() {
      return true;
    }
  }
}
