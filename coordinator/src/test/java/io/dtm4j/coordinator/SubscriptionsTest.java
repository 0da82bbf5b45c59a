package io.dtm4j.coordinator;

import static org.assertj.core.api.Assertions.assertThat;

import io.dtm4j.protocol.ErrorCode;
import io.dtm4j.protocol.Reply;
import io.dtm4j.store.FaultyStore.Fault;
import io.dtm4j.store.KeyValue;
import io.dtm4j.store.StoreRejectedException;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Test;

/** Topics: docs/spec/http-api.md 4.13. */
@DisplayNameGeneration(ReplaceUnderscores.class)
class SubscriptionsTest extends InVirtualTime {
  private final VirtualProcess process = new VirtualProcess(time);
  private final VirtualLoop loop = new VirtualLoop(process, weather);
  private final Subscriptions subscriptions = subscriptions();

  private Subscriptions subscriptions() {
    var committer = new VirtualCommitter(time, process, weather, world.store, null, _ -> {});
    var timers = new VirtualTimers(process, weather);
    return new Subscriptions(world.store, new ClientWrites(world.store, committer, timers));
  }

  /** Asks, and gives the time that is usually enough. */
  private @Nullable ErrorCode ask(BiConsumer<VirtualLoop, List<Reply>> request) {
    List<Reply> replies = new ArrayList<>();
    loop.execute(() -> request.accept(loop, replies));
    run(seconds(2));
    assertThat(replies).hasSize(1);
    return replies.getFirst() instanceof Reply.Failed failed ? failed.code() : null;
  }

  private @Nullable ErrorCode subscribe(String topic, String url) {
    return ask((on, replies) -> subscriptions.subscribe(topic, url, "note", on, replies::add));
  }

  private @Nullable ErrorCode unsubscribe(String topic, String url) {
    return ask((on, replies) -> subscriptions.unsubscribe(topic, url, on, replies::add));
  }

  private @Nullable ErrorCode delete(String topic) {
    return ask((on, replies) -> subscriptions.delete(topic, on, replies::add));
  }

  private KeyValue stored(String topic) {
    return world.store.findKeyValue("topics", topic).orElseThrow();
  }

  @Test
  void a_topic_is_created_by_its_first_subscriber_and_every_change_counts() {
    assertThat(subscribe("t", "http://a")).isNull();
    assertThat(subscribe("t", "http://b")).isNull();
    assertThat(stored("t").value())
        .isEqualTo(
            """
            [{"url":"http://a","remark":"note"},{"url":"http://b","remark":"note"}]""");
    assertThat(subscribe("t", "http://a")).isEqualTo(ErrorCode.STATUS_CONFLICT);
    assertThat(stored("t").version()).isEqualTo(2);

    assertThat(unsubscribe("t", "http://a")).isNull();
    assertThat(unsubscribe("t", "http://b")).isNull();

    assertThat(stored("t").version()).isEqualTo(4);
    assertThat(stored("t").value()).isEqualTo("[]");
    assertThat(unsubscribe("t", "http://b")).isEqualTo(ErrorCode.STATUS_CONFLICT);
    assertThat(delete("t")).isNull();
    assertThat(delete("t")).isEqualTo(ErrorCode.TOPIC_NOT_FOUND);
    assertThat(unsubscribe("t", "http://b")).isEqualTo(ErrorCode.TOPIC_NOT_FOUND);
  }

  @Test
  void subscribers_are_read_as_they_are_stored_now() {
    subscribe("t", "http://b");
    subscribe("t", "http://a");
    subscribe("empty", "http://a");
    unsubscribe("empty", "http://a");

    assertThat(subscriptions.read(List.of("t", "empty", "none")))
        .containsOnlyKeys("t", "empty")
        .containsEntry("t", List.of("http://b", "http://a"))
        .containsEntry("empty", List.of());
  }

  @Test
  void what_another_server_wrote_is_understood() {
    world.store.createKeyValue(
        "topics", "t", "[{\"remark\":null,\"more\":{\"x\":[1]},\"url\":\"http://a\"}]");

    assertThat(subscriptions.read(List.of("t"))).containsEntry("t", List.of("http://a"));
  }

  @Test
  void what_one_server_was_told_counts_at_once_on_another() {
    Server other = world.server("other");

    assertThat(subscribe("t", "http://a/x")).isNull();
    Server.Answer answer = other.ask(Requests.message("m", 0).step("topic://t", "").submit());
    run(seconds(2));

    assertThat(answer.reply()).isEqualTo(Reply.Success.INSTANCE);
    assertThat(participants.urls()).containsExactly("http://a/x");
  }

  @Test
  void subscribers_of_two_servers_at_once_do_not_lose_one_another() {
    subscribe("t", "http://a");
    world.store.beforeNextChangeOfKeyValue(
        () -> world.store.updateKeyValue("topics", "t", "[{\"url\":\"http://theirs\"}]", 1));

    assertThat(subscribe("t", "http://ours")).isNull();

    assertThat(subscriptions.read(List.of("t")))
        .containsEntry("t", List.of("http://theirs", "http://ours"));
  }

  @Test
  void what_the_store_has_no_room_for_is_said_with_its_code() {
    assertThat(subscribe("t", "http://first")).isNull();
    world.store.beforeNextChangeOfKeyValue(
        () -> {
          throw new StoreRejectedException(
              "too long", new IllegalStateException(), ErrorCode.LIMIT_EXCEEDED);
        });

    assertThat(subscribe("t", "http://a")).isEqualTo(ErrorCode.LIMIT_EXCEEDED);
  }

  @Test
  void absurd_input_is_refused() {
    assertThat(subscribe("", "http://a")).isEqualTo(ErrorCode.BAD_REQUEST);
    assertThat(subscribe("t", "")).isEqualTo(ErrorCode.BAD_REQUEST);
    assertThat(subscribe("\uFFFD", "http://a")).isEqualTo(ErrorCode.BAD_REQUEST);
    assertThat(subscribe("\0", "http://a")).isEqualTo(ErrorCode.BAD_REQUEST);
    assertThat(subscribe("t", "http://a/\0")).isEqualTo(ErrorCode.BAD_REQUEST);
    assertThat(subscribe("t".repeat(129), "http://a")).isEqualTo(ErrorCode.LIMIT_EXCEEDED);
    assertThat(subscribe("t", "x".repeat(8_193))).isEqualTo(ErrorCode.LIMIT_EXCEEDED);
    assertThat(world.store.findKeyValues("topics", null)).isEmpty();
  }

  @Test
  void a_topic_may_not_grow_for_ever() {
    for (int i = 0; i < Subscriptions.MAX_SUBSCRIBERS; i++) {
      String url = "http://a/" + i;
      loop.execute(() -> subscriptions.subscribe("t", url, "", loop, _ -> {}));
    }
    run(seconds(1));

    assertThat(subscribe("t", "http://more")).isEqualTo(ErrorCode.LIMIT_EXCEEDED);
    assertThat(stored("t").version()).isEqualTo(Subscriptions.MAX_SUBSCRIBERS);
  }

  @Test
  void a_change_whose_outcome_was_not_known_happens_once_and_is_a_success() {
    weather.nextWrites(Fault.AFTER_EFFECT, Fault.BEFORE_EFFECT);
    assertThat(subscribe("t", "http://a")).isNull();
    assertThat(stored("t").version()).isEqualTo(1);

    weather.nextWrites(Fault.AFTER_EFFECT);
    assertThat(subscribe("t", "http://b")).isNull();
    assertThat(stored("t").version()).isEqualTo(2);

    weather.nextWrites(Fault.AFTER_EFFECT);
    assertThat(unsubscribe("t", "http://b")).isNull();
    assertThat(stored("t").version()).isEqualTo(3);

    weather.nextWrites(Fault.AFTER_EFFECT);
    assertThat(delete("t")).isNull();
    assertThat(world.store.findKeyValues("topics", null)).isEmpty();
  }

  @Test
  void a_topic_that_never_was_is_not_found_although_an_outcome_was_not_known() {
    weather.nextWrites(Fault.AFTER_EFFECT);

    assertThat(delete("t")).isEqualTo(ErrorCode.TOPIC_NOT_FOUND);
  }

  @Test
  void while_the_store_is_away_clients_hear_of_it() {
    weather.storeGoesAway();
    List<Reply> first = new ArrayList<>();
    List<Reply> second = new ArrayList<>();
    loop.execute(() -> subscriptions.subscribe("t", "http://a", "", loop, first::add));
    run(seconds(2));
    loop.execute(() -> subscriptions.subscribe("t", "http://b", "", loop, second::add));
    run(seconds(2));

    assertThat(first).singleElement().isEqualTo(Waiter.outcomeUnknown());
    assertThat(second)
        .singleElement()
        .isInstanceOfSatisfying(
            Reply.Failed.class,
            failed -> assertThat(failed.code()).isEqualTo(ErrorCode.STORE_UNAVAILABLE));

    weather.storeComesBack();
    run(seconds(2));

    assertThat(first).as("nobody is answered twice").hasSize(1);
    assertThat(subscriptions.read(List.of("t"))).containsEntry("t", List.of("http://a"));
  }
}
