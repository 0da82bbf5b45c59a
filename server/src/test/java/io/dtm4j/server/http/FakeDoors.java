package io.dtm4j.server.http;

import static java.util.Objects.requireNonNull;

import io.dtm4j.coordinator.Command;
import io.dtm4j.coordinator.Doors;
import io.dtm4j.model.Stored;
import io.dtm4j.protocol.BranchRequest;
import io.dtm4j.protocol.ErrorCode;
import io.dtm4j.protocol.Gid;
import io.dtm4j.protocol.Reply;
import io.dtm4j.protocol.TransactionRequest;
import io.dtm4j.store.EventLoop;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.function.Consumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** Doors that remember what was asked, and answer what they were told to. */
public final class FakeDoors implements Doors {
  /** What was asked, with the way to answer it. */
  public record Asked(Command command, EventLoop loop, Consumer<Reply> reply) {
    /** Answers as a committer does: later, on the loop. */
    public void answer(Reply answer) {
      loop.execute(() -> reply.accept(answer));
    }
  }

  public final LinkedBlockingQueue<Asked> asked = new LinkedBlockingQueue<>();
  public final LinkedBlockingQueue<BranchRequest> registered = new LinkedBlockingQueue<>();

  /** Workflows. */
  public final LinkedBlockingQueue<TransactionRequest> prepared = new LinkedBlockingQueue<>();

  public final Map<String, Stored> stored = new ConcurrentHashMap<>();

  /** How commands are answered; null: by the test, later. */
  public volatile @Nullable Reply answer = Reply.Success.INSTANCE;

  /** What comes of a query, or of preparing a workflow; null: what is stored. */
  public volatile @Nullable Reply trouble;

  /** Whether to behave like a defect. */
  public volatile boolean broken;

  @Override
  public void handle(Command command, EventLoop loop, Consumer<Reply> reply) {
    if (broken) {
      throw new IllegalStateException("a secret of the server");
    }
    var one = new Asked(command, loop, reply);
    asked.add(one);
    Reply now = answer;
    if (now != null) {
      one.answer(now);
    }
  }

  @Override
  public void registerBranch(BranchRequest request, EventLoop loop, Consumer<Reply> reply) {
    registered.add(request);
    Reply now = requireNonNull(answer, "registrations are answered at once");
    loop.execute(() -> reply.accept(now));
  }

  @Override
  public void prepareWorkflow(
      TransactionRequest request, EventLoop loop, Consumer<Stored> found, Consumer<Reply> failed) {
    prepared.add(request);
    Reply now = trouble;
    Stored known = stored.get(request.gid());
    loop.execute(
        () -> {
          if (now != null) {
            failed.accept(now);
          } else if (known == null) {
            failed.accept(new Reply.Failed(ErrorCode.GID_NOT_FOUND, "nobody has stored it"));
          } else {
            found.accept(known);
          }
        });
  }

  @Override
  public <T> void query(
      Gid gid,
      Function<@Nullable Stored, T> view,
      EventLoop loop,
      Consumer<T> shown,
      Consumer<Reply> failed) {
    if (broken) {
      throw new IllegalStateException("a secret of the server");
    }
    Reply now = trouble;
    loop.execute(
        () -> {
          if (now == null) {
            shown.accept(view.apply(stored.get(gid.value())));
          } else {
            failed.accept(now);
          }
        });
  }
}
