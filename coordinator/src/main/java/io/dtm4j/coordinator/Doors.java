package io.dtm4j.coordinator;

import io.dtm4j.model.Stored;
import io.dtm4j.protocol.Gid;
import io.dtm4j.protocol.Reply;
import io.dtm4j.store.EventLoop;
import java.util.function.Consumer;
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
   * The transaction as it is stored.
   *
   * @param found told on {@code loop}; null: no transaction has this gid
   * @param trouble told on {@code loop} instead, when the store cannot be read
   */
  void query(Gid gid, EventLoop loop, Consumer<@Nullable Stored> found, Consumer<Reply> trouble);
}
