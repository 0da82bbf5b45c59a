package io.dtm4j.coordinator;

import io.dtm4j.model.Stored;
import io.dtm4j.protocol.BranchRequest;
import io.dtm4j.protocol.Gid;
import io.dtm4j.protocol.Reply;
import io.dtm4j.protocol.TransactionRequest;
import io.dtm4j.store.EventLoop;
import java.util.function.Consumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** What the doors may ask of the coordinator. Any thread; never blocks. */
public interface Doors {
  /**
   * Carries out a command.
   *
   * @param loop where {@code reply} runs, exactly once; a pass that begins here stays on it
   */
  void handle(Command command, EventLoop loop, Consumer<Reply> reply);

  /**
   * Registers a branch of a TCC, XA or workflow.
   *
   * @param loop where {@code reply} runs, exactly once
   */
  void registerBranch(BranchRequest request, EventLoop loop, Consumer<Reply> reply);

  /**
   * Creates a workflow, or finds it.
   *
   * @param found told on {@code loop}: the workflow with its steps
   * @param trouble told on {@code loop} instead, when it can be neither created nor found
   */
  void prepareWorkflow(
      TransactionRequest request, EventLoop loop, Consumer<Stored> found, Consumer<Reply> trouble);

  /**
   * Shows the transaction as it is stored.
   *
   * @param view what is shown of it, made where it is read, so that at most as many are in memory
   *     as are read at a time; given null: no transaction has this gid
   * @param shown told on {@code loop}
   * @param trouble told on {@code loop} instead, when the store cannot be read
   */
  <T> void query(
      Gid gid,
      Function<@Nullable Stored, T> view,
      EventLoop loop,
      Consumer<T> shown,
      Consumer<Reply> trouble);
}
