package io.dtm4j.coordinator;

import io.dtm4j.engine.Call;
import io.dtm4j.protocol.BranchAnswer;
import io.dtm4j.store.EventLoop;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.BiFunction;
import org.jspecify.annotations.Nullable;

/** Calls participants in virtual time; what is not answered in time is unknown. */
final class VirtualCaller implements Caller {
  private final VirtualTime time;
  private final VirtualProcess process;
  private final Weather weather;
  private final Participants participants;
  private final List<? extends EventLoop> loops;
  private final BiFunction<LivePass, Call, Runnable> leaves;
  private final Set<String> swallowed = new HashSet<>();
  private @Nullable Runnable swallowsNext;

  /**
   * @param leaves told of every call that leaves; what it returns is run when it has ended
   */
  VirtualCaller(
      VirtualTime time,
      VirtualProcess process,
      Weather weather,
      Participants participants,
      List<? extends EventLoop> loops,
      BiFunction<LivePass, Call, Runnable> leaves) {
    this.time = time;
    this.process = process;
    this.weather = weather;
    this.participants = participants;
    this.loops = loops;
    this.leaves = leaves;
  }

  /** From now on calls of that url never come to an end: a defect of the caller. */
  void swallow(String url) {
    swallowed.add(url);
  }

  /**
   * The next call never comes to an end: a defect of the caller.
   *
   * @param swallowed run when that happens
   */
  void swallowNext(Runnable swallowed) {
    swallowsNext = swallowed;
  }

  /** It has no defect any more. */
  void heal() {
    swallowed.clear();
  }

  @Override
  public void send(Call call, Ended ended) {
    Runnable swallows = swallowsNext;
    swallowsNext = null;
    if (swallows != null) {
      swallows.run();
    }
    boolean isSwallowed = swallows != null || swallowed.contains(call.url());
    var underWay = new UnderWay(call, ended, isSwallowed);
    process.after(
        call.timeout(),
        underWay.swallowed
            ? () -> underWay.heardOf.run() // it is over all the same, only the server does not know
            : () -> underWay.end(new BranchAnswer.Unknown("timed out"), false));
    Duration connecting = weather.connecting();
    if (connecting.isZero()) {
      underWay.leave();
    } else {
      process.after(connecting, () -> underWay.loop.execute(underWay::leave));
    }
  }

  private final class UnderWay {
    private final Call call;
    private final Ended ended;
    private final boolean swallowed;
    private final EventLoop loop =
        loops.stream().filter(EventLoop::isCurrent).findFirst().orElseThrow();
    private Runnable heardOf = () -> {};
    private boolean over;

    UnderWay(Call call, Ended ended, boolean swallowed) {
      this.call = call;
      this.ended = ended;
      this.swallowed = swallowed;
    }

    /** It has its connection, if there is one. */
    void leave() {
      if (over) {
        return;
      }
      if (!ended.mayLeave()) {
        end(new BranchAnswer.Unknown("not called"), false);
        return;
      }
      heardOf = leaves.apply(((Departures.UnderWay) ended).live, call);
      if (swallowed) {
        return;
      }
      if (weather.isAway(call.url())) {
        process.after(weather.call(), () -> end(new BranchAnswer.Unknown("refused"), true));
      } else if (!weather.callIsLost()) {
        time.after(weather.call(), this::arrive);
        if (weather.callIsDoubled()) {
          time.after(weather.lateness(), this::arriveOnceMore);
        }
      }
    }

    /** Somebody on the way has kept it and sends it again; nobody hears what comes of that. */
    private void arriveOnceMore() {
      participants.receive(new Participants.Received(time.instant(), call, _ -> {}));
    }

    void arrive() {
      participants.receive(new Participants.Received(time.instant(), call, this::answer));
    }

    private void answer(BranchAnswer answer) {
      if (!weather.callIsLost()) {
        process.after(weather.call(), () -> end(answer, false));
      }
    }

    void end(BranchAnswer answer, boolean unreachable) {
      if (!over) {
        over = true;
        loop.execute(
            () -> {
              heardOf.run();
              ended.ended(answer, unreachable);
            });
      }
    }
  }
}
