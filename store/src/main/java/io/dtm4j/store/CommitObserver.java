package io.dtm4j.store;

/**
 * Told what a committer does, so that it can be counted. Called on the threads of its lanes: it
 * must neither block nor throw.
 */
public interface CommitObserver {
  /** Takes no notice. */
  CommitObserver NONE =
      new CommitObserver() {
        @Override
        public void committed(int batches, long nanos) {}

        @Override
        public void repeated() {}
      };

  /**
   * The store has taken a group; those who wait for it are told afterwards.
   *
   * @param batches of the group, at least one
   * @param nanos how long the store took for it, earlier attempts left out
   */
  void committed(int batches, long nanos);

  /** The outcome of a write is not known: it is sent again. */
  void repeated();
}
