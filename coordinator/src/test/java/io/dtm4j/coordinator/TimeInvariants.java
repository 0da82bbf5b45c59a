package io.dtm4j.coordinator;

import io.dtm4j.engine.Settings;
import io.dtm4j.model.Definition;
import io.dtm4j.model.Owner;
import io.dtm4j.model.State;
import io.dtm4j.model.Stored;
import io.dtm4j.protocol.GlobalStatus;
import io.dtm4j.protocol.TransType;
import java.time.Duration;
import java.time.Instant;
import java.util.List;

/** What must hold of rests and time-outs: docs/spec/transactions.md 3. */
final class TimeInvariants {
  private TimeInvariants() {}

  static List<Invariant> all(StoreTime storeTime) {
    return List.of(new RestsLastAnInterval(), new TwoPhasesAwaitTheirTime(storeTime));
  }

  /**
   * When it is decided if nobody does that before; of a saga without a limit too early to count.
   */
  private static Instant timeoutOf(Definition definition) {
    long timeout = definition.options().timeoutToFail();
    return definition
        .createTime()
        .plus(timeout > 0 ? Duration.ofSeconds(timeout) : Settings.DEFAULTS.timeoutToFail());
  }

  private static final class RestsLastAnInterval extends Invariant {
    private static final Duration PARKED = Duration.ofSeconds(1);

    RestsLastAnInterval() {
      super("a pass that comes to rest waits for its interval, unless its time is over before");
    }

    @Override
    void changed(Change change) {
      Stored now = change.now();
      if (change.cause() == SharedStore.Cause.PASS
          && change.before() != null
          && change.before().owner().mark() == Owner.Mark.LEASED
          && !now.owner().isHeld()
          && !now.transaction().status().isFinal()) {
        State state = now.transaction().state();
        Duration least = state.extra().parkings() > 0 ? PARKED : state.schedule().interval();
        check(
            !nextTime(now).isBefore(state.updateTime().plus(least))
                || nextTime(now).equals(timeoutOf(now.transaction().definition()))
                || nextTime(now).equals(state.extra().delayUntil()),
            change);
      }
    }
  }

  private static final class TwoPhasesAwaitTheirTime extends Invariant {
    private final StoreTime time;

    TwoPhasesAwaitTheirTime(StoreTime time) {
      super("a TCC or XA that nobody decides is not rolled back before its TimeoutToFail is over");
      this.time = time;
    }

    @Override
    void changed(Change change) {
      Definition definition = change.now().transaction().definition();
      if (change.cause() == SharedStore.Cause.PASS
          && (definition.type() == TransType.TCC || definition.type() == TransType.XA)
          && change.now().transaction().status() == GlobalStatus.ABORTING
          && change.before() != null
          && change.before().transaction().status() == GlobalStatus.PREPARED) {
        Instant now = time.instant().plus(time.uncertainty());
        check(!now.isBefore(timeoutOf(definition)), change);
      }
    }
  }
}
