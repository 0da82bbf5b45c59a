package io.dtm4j.store.redis;

import io.dtm4j.protocol.Gid;
import io.dtm4j.store.StoreUnavailableException;
import io.lettuce.core.Limit;
import io.lettuce.core.Range;
import java.time.Duration;
import java.time.InstantSource;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.ThreadLocalRandom;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Removes from the index sets what has expired: Redis deletes the records, but knows no index. */
final class Sweep {
  private static final Logger log = LoggerFactory.getLogger(Sweep.class);
  private static final int AT_ONCE = 256;

  private final Redis redis;
  private final InstantSource clock;
  private final Duration expiry;

  Sweep(Redis redis, InstantSource clock, Duration expiry) {
    this.redis = redis;
    this.clock = clock;
    this.expiry = expiry;
  }

  void run() {
    try {
      int first = ThreadLocalRandom.current().nextInt(Keys.SHARDS); // several servers sweep
      for (int i = 0; i < Keys.SHARDS; i++) {
        trySweep((first + i) % Keys.SHARDS);
      }
    } catch (StoreUnavailableException e) {
      log.atDebug().setCause(e).log("the index was not swept");
    }
  }

  private void trySweep(int shard) {
    try {
      redis.read(session -> sweep(session, shard));
    } catch (StoreUnavailableException e) {
      throw e;
    } catch (RuntimeException e) { // what was thrown would end the schedule
      log.atError().addKeyValue("shard", shard).setCause(e).log("a shard was not swept");
    }
  }

  /**
   * Those that ended longer ago than they are kept; of old ones that were stored late some stay.
   */
  private int sweep(Session session, int shard) {
    byte[] ended = session.keys().index(shard, Index.ENDED);
    Range<Long> old = Range.create(Long.MIN_VALUE, Index.millis(clock.instant().minus(expiry)));
    int swept = 0;
    for (int kept = 0; ; ) {
      List<byte[]> some =
          session.get(session.commands().zrangebyscore(ended, old, Limit.create(kept, AT_ONCE)));
      List<Gid> gids = some.stream().map(Texts::gid).filter(Objects::nonNull).toList();
      long gone = Records.forget(session, gids);
      swept += (int) gone;
      kept += (int) (some.size() - gone);
      if (some.size() < AT_ONCE) {
        return swept;
      }
    }
  }
}
