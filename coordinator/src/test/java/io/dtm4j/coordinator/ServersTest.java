package io.dtm4j.coordinator;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;

import io.dtm4j.coordinator.Servers.Known;
import io.dtm4j.store.FaultyStore.Fault;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Test;

/** Servers see each other in their store. */
@DisplayNameGeneration(ReplaceUnderscores.class)
class ServersTest extends InVirtualTime {
  private static final Servers.Address HERE =
      new Servers.Address("host", "host:36789", "host:36790", "v1");
  private static final String CATEGORY = "dtm4j-servers";

  private final Server one = server("one");
  private final Server two = server("two");
  private final Servers first = servers(one, "first", 3);
  private final Servers second = servers(two, "second", 0);

  private Servers servers(Server server, String process, int openPasses) {
    return new Servers(
        world.store,
        server.committer,
        new VirtualReads(server.process, weather),
        server.timers,
        new VirtualLoop(server.process, weather),
        new Claims("host", process),
        () -> openPasses);
  }

  private List<Known> seenBy(Servers servers, Server server) {
    var seen = new ArrayList<Known>();
    servers.list(
        all -> all,
        new VirtualLoop(server.process, weather),
        seen::addAll,
        trouble -> {
          throw new AssertionError(trouble);
        });
    run(A_MOMENT);
    return seen;
  }

  @Test
  void each_sees_all() {
    first.start(HERE);
    run(seconds(1));
    second.start(new Servers.Address("other", "other:1", "other:2", "v2"));
    run(seconds(30));

    List<Known> seen = seenBy(second, two);

    assertThat(seen)
        .extracting(Known::name, Known::openPasses, Known::isAlive, Known::isThis)
        .containsExactly(tuple("first", 3, true, false), tuple("second", 0, true, true));
    assertThat(seen.getFirst().address()).isEqualTo(HERE);
    assertThat(Duration.between(seen.get(0).startedAt(), seen.get(1).startedAt()))
        .isBetween(millis(990), millis(1_010));
    assertThat(seen)
        .allMatch(
            known ->
                Duration.between(known.aliveAt(), world.store.storeTime()).compareTo(seconds(6))
                    < 0);
  }

  @Test
  void one_that_stops_is_gone_at_once() {
    first.start(HERE);
    second.start(HERE);
    run(seconds(12));

    first.stop();
    run(A_MOMENT);

    assertThat(seenBy(second, two)).extracting(Known::name).containsExactly("second");
    run(seconds(12));
    assertThat(seenBy(second, two)).extracting(Known::name).containsExactly("second");
  }

  @Test
  void one_that_crashed_is_dead_after_a_minute_and_gone_after_a_day() {
    first.start(HERE);
    second.start(HERE);
    run(seconds(12));
    one.crash();

    run(seconds(50));
    assertThat(seenBy(second, two)).extracting(Known::isAlive).containsExactly(true, true);
    run(seconds(15));
    assertThat(seenBy(second, two)).extracting(Known::isAlive).containsExactly(false, true);
    run(Duration.ofHours(23));
    assertThat(seenBy(second, two)).extracting(Known::isAlive).containsExactly(false, true);
    run(Duration.ofHours(2));
    assertThat(seenBy(second, two)).extracting(Known::name).containsExactly("second");
  }

  @Test
  void it_goes_on_in_spite_of_unknown_outcomes() {
    first.start(HERE);
    for (Fault fault : Fault.values()) {
      run(seconds(4));
      weather.nextWrites(fault);
      run(seconds(4));
    }
    run(seconds(6));

    assertThat(seenBy(first, one)).extracting(Known::isAlive).containsExactly(true);
    assertThat(world.store.findKeyValues(CATEGORY, null)).hasSize(1);
  }

  @Test
  void what_another_version_wrote_is_taken_as_far_as_it_is_understood() {
    world.store.createKeyValue(CATEGORY, "newer", "{\"host\":\"h\",\"zone\":{\"a\":[1]}}");
    world.store.createKeyValue(CATEGORY, "older", "none of ours");

    assertThat(seenBy(first, one))
        .extracting(Known::name, known -> known.address().host())
        .containsExactly(tuple("newer", "h"));
  }

  /** So that nothing is changed under them. */
  @Test
  void whoever_is_alive_is_seen_from_outside_even_when_it_is_not_understood() {
    world.store.createKeyValue(CATEGORY, "newer", "none of ours");
    first.start(HERE);
    run(seconds(30));
    second.start(HERE);
    one.crash();
    run(seconds(31));

    Instant now = world.store.storeTime();
    List<Known> alive = Servers.alive(world.store.findKeyValues(CATEGORY, null), now);

    assertThat(alive)
        .extracting(Known::name, known -> known.address().http())
        .containsExactly(tuple("first", "host:36789"), tuple("second", "host:36789"));
    assertThat(alive.getFirst().aliveFor(now)).isBetween(seconds(20), seconds(30));
    world.store.createKeyValue(CATEGORY, "newest", "none of ours, too");
    assertThat(Servers.alive(world.store.findKeyValues(CATEGORY, null), now))
        .extracting(Known::name)
        .containsExactly("first", "newest", "second");
  }
}
