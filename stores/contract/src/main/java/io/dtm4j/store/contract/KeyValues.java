package io.dtm4j.store.contract;

import static org.assertj.core.api.Assertions.assertThat;

import io.dtm4j.protocol.Gid;
import io.dtm4j.store.KeyValue;
import java.time.Instant;
import org.junit.jupiter.api.Test;

/** Small values beside the transactions, each with a version. */
interface KeyValues extends OpenStore {
  @Test
  default void a_value_is_created_once() {
    Instant before = store().storeTime();

    assertThat(store().createKeyValue("topics", "t", "[\"größe\"]")).isTrue();
    assertThat(store().createKeyValue("topics", "t", "other")).isFalse();

    KeyValue found = store().findKeyValue("topics", "t").orElseThrow();
    assertThat(found)
        .isEqualTo(
            new KeyValue("topics", "t", "[\"größe\"]", 1, found.createTime(), found.createTime()));
    assertThat(found.createTime()).isBetween(before, store().storeTime());
  }

  @Test
  default void an_update_wants_the_version_it_was_decided_on() {
    store().createKeyValue("topics", "t", "one");

    assertThat(store().updateKeyValue("topics", "t", "two", 1)).isTrue();
    assertThat(store().updateKeyValue("topics", "t", "late", 1)).isFalse();
    assertThat(store().updateKeyValue("topics", "t", "early", 3)).isFalse();
    assertThat(store().updateKeyValue("topics", "absent", "new", 1)).isFalse();
    assertThat(store().updateKeyValue("topics", "absent", "new", 0)).isFalse();

    KeyValue found = store().findKeyValue("topics", "t").orElseThrow();
    assertThat(found.value()).isEqualTo("two");
    assertThat(found.version()).isEqualTo(2);
    assertThat(found.updateTime()).isBetween(found.createTime(), store().storeTime());
    assertThat(store().findKeyValue("topics", "absent")).isEmpty();
  }

  @Test
  default void a_value_that_was_deleted_begins_again() {
    store().createKeyValue("topics", "t", "one");
    store().updateKeyValue("topics", "t", "two", 1);

    assertThat(store().deleteKeyValue("topics", "t")).isTrue();
    assertThat(store().deleteKeyValue("topics", "t")).isFalse();

    assertThat(store().findKeyValue("topics", "t")).isEmpty();
    assertThat(store().updateKeyValue("topics", "t", "late", 2)).isFalse();
    assertThat(store().createKeyValue("topics", "t", "again")).isTrue();
    assertThat(store().findKeyValue("topics", "t").map(KeyValue::version)).hasValue(1L);
  }

  @Test
  default void a_category_lists_its_own_values_in_the_order_of_their_keys() {
    for (String key : new String[] {"b", "a", "c", "ab", "a b", "a_b"}) {
      store().createKeyValue("topics", key, "value of " + key);
    }
    store().createKeyValue("topic", "s1", "");
    store().createKeyValue("topics-more", "x", "");
    store().createKeyValue("topics\u0001", "x", "");
    store().createKeyValue("Topics", "a", "");

    assertThat(store().listKeyValues("topics"))
        .extracting(KeyValue::key)
        .containsExactly("a", "a b", "a_b", "ab", "b", "c");
    assertThat(store().listKeyValues("topics"))
        .allSatisfy(
            found -> {
              assertThat(found.category()).isEqualTo("topics");
              assertThat(found.value()).isEqualTo("value of " + found.key());
            });
    assertThat(store().listKeyValues("nothing")).isEmpty();
    assertThat(store().findKeyValue("topic", "1")).isEmpty();
  }

  @Test
  default void keys_are_compared_exactly() {
    store().createKeyValue("c", "key", "1");

    assertThat(store().createKeyValue("c", "KEY", "2")).isTrue();
    assertThat(store().createKeyValue("c", "key ", "3")).isTrue();
    assertThat(store().createKeyValue("c", "数据'\"🙂", "4")).isTrue();

    assertThat(store().findKeyValue("c", "key").map(KeyValue::value)).hasValue("1");
    assertThat(store().findKeyValue("c", "KEY").map(KeyValue::value)).hasValue("2");
    assertThat(store().findKeyValue("c", "key ").map(KeyValue::value)).hasValue("3");
    assertThat(store().findKeyValue("c", "数据'\"🙂").map(KeyValue::value)).hasValue("4");
  }

  @Test
  default void a_value_may_be_empty_or_long() {
    String longText = "[\"http://host/path\"],".repeat(3_000);
    store().createKeyValue("c", "empty", "");
    store().createKeyValue("c", "long", longText);

    assertThat(store().findKeyValue("c", "empty").map(KeyValue::value)).hasValue("");
    assertThat(store().findKeyValue("c", "long").map(KeyValue::value)).hasValue(longText);
  }

  @Test
  default void values_are_no_transactions() {
    store().createKeyValue("topics", "g", "x");

    assertThat(store().find(new Gid("g"))).isEmpty();
    assertThat(store().dueBefore(Samples.FUTURE, null, 10)).isEmpty();
  }
}
