package io.dtm4j.coordinator;

import io.dtm4j.model.Stored;
import io.dtm4j.model.Transaction;
import io.dtm4j.protocol.Gid;
import io.dtm4j.protocol.GlobalStatus;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Prepared transactions as this server saw them last, so that registrations and the submit that
 * follow need not be read first. A guess only: another server may have changed the record since,
 * which the guard of a commit finds out (R4); nobody is told anything that was only guessed
 * (docs/decisions/0011). Thread-safe.
 */
final class LastSeen {
  private static final int MOST = 4_096;

  /** Larger ones are read again; it keeps all of them within some 16 MB. */
  private static final int MOST_BYTES = 4 << 10;

  /** The one that was used longest ago first. */
  private final Map<Gid, Stored> prepared =
      new LinkedHashMap<>(16, 0.75f, true) {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<Gid, Stored> eldest) {
          return size() > MOST;
        }
      };

  /** The record as it was seen last, or null. */
  synchronized @Nullable Stored of(Gid gid) {
    return prepared.get(gid);
  }

  /** A commit has shown this record. */
  synchronized void note(Stored stored) {
    Transaction transaction = stored.transaction();
    if (transaction.status() == GlobalStatus.PREPARED && isSmall(transaction)) {
      prepared.put(transaction.gid(), stored);
    } else {
      prepared.remove(transaction.gid());
    }
  }

  /** The record is not what it was seen as. */
  synchronized void forget(Gid gid) {
    prepared.remove(gid);
  }

  private static boolean isSmall(Transaction transaction) {
    return MemoryUse.of(transaction) <= MOST_BYTES;
  }
}
