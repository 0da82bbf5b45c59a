package io.dtm4j.store.contract;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.dtm4j.protocol.ErrorCode;
import io.dtm4j.protocol.Gid;
import io.dtm4j.store.BadCursorException;
import io.dtm4j.store.KeyValue;
import io.dtm4j.store.Page;
import io.dtm4j.store.StoreRejectedException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

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
    assertThat(found.createTime()).isBetween(earliest(before), latest());
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
    assertThat(found.updateTime()).isBetween(found.createTime(), latest());
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
    createUnlessAlike("Topics", "a", "");

    List<String> keys = store().findKeyValues("topics", null).stream().map(KeyValue::key).toList();
    assertThat(keys).containsExactlyInAnyOrder("a", "a b", "a_b", "ab", "b", "c");
    if (tellsSpellingsApart()) {
      assertThat(keys).isSorted();
    }
    assertThat(store().findKeyValues("topics", null))
        .allSatisfy(
            found -> {
              assertThat(found.category()).isEqualTo("topics");
              assertThat(found.value()).isEqualTo("value of " + found.key());
            });
    assertThat(store().findKeyValues("nothing", null)).isEmpty();
    assertThat(store().findKeyValue("topic", "1")).isEmpty();
  }

  @Test
  default void values_are_found_by_category_or_key_or_both() {
    store().createKeyValue("topics", "a", "1");
    store().createKeyValue("topics", "b", "2");
    store().createKeyValue("other", "a", "3");
    store().createKeyValue("topic", "sa", "4");

    assertThat(values("topics", "a")).containsExactly("1");
    assertThat(values("topics", null)).containsExactly("1", "2");
    assertThat(values(null, "a")).containsExactlyInAnyOrder("1", "3");
    assertThat(values(null, null)).containsExactlyInAnyOrder("1", "2", "3", "4");
    assertThat(values("other", "b")).isEmpty();
    assertThat(values("nothing", null)).isEmpty();
  }

  private List<String> values(@Nullable String category, @Nullable String key) {
    return store().findKeyValues(category, key).stream().map(KeyValue::value).toList();
  }

  @Test
  default void a_category_is_read_page_by_page() {
    for (String key : new String[] {"b", "a", "a b", "", "größe", "1:a"}) {
      store().createKeyValue("topics", key, "value of " + key);
    }
    store().createKeyValue("topic", "s", "");
    store().createKeyValue("topics2", "a", "");

    Page<KeyValue> first = store().listKeyValues("topics", "", 1);
    assertThat(first.items()).extracting(KeyValue::key).containsExactly("");
    assertThat(first.next()).isNotEmpty();
    Page<KeyValue> rest = store().listKeyValues("topics", first.next(), 1_000);
    assertThat(rest.next()).isEmpty();
    assertThat(rest.items())
        .extracting(KeyValue::key)
        .containsExactly("1:a", "a", "a b", "b", "größe");
    for (int limit = 1; limit < 8; limit++) {
      assertThat(paged("topics", limit)).isEqualTo(store().findKeyValues("topics", null));
    }
    assertThat(paged("nothing", 3)).isEmpty();
  }

  @Test
  default void all_values_are_read_page_by_page() {
    for (String category : new String[] {"a", "ab", "a b", "", "b"}) {
      for (String key : new String[] {"", "x", "y"}) {
        store().createKeyValue(category, key, "");
      }
    }

    for (int limit = 1; limit < 20; limit++) {
      assertThat(paged(null, limit)).isEqualTo(store().findKeyValues(null, null)).hasSize(15);
    }
  }

  @Test
  default void a_page_of_values_goes_on_behind_one_that_was_deleted() {
    for (String key : new String[] {"a", "b", "c"}) {
      store().createKeyValue("topics", key, "");
    }
    String next = store().listKeyValues("topics", "", 2).next();
    store().deleteKeyValue("topics", "b");

    assertThat(store().listKeyValues("topics", next, 2).items())
        .extracting(KeyValue::key)
        .containsExactly("c");
  }

  @ParameterizedTest
  @ValueSource(strings = {"x", "topics-a", ":", "7:topics", "-1:topics", "99999999999:t"})
  default void a_cursor_that_no_page_of_values_gave_is_refused(String cursor) {
    store().createKeyValue("topics", "a", "");

    assertThatExceptionOfType(BadCursorException.class)
        .isThrownBy(() -> store().listKeyValues("topics", cursor, 10))
        .withMessageContaining(cursor);
  }

  private List<KeyValue> paged(@Nullable String category, int limit) {
    var all = new ArrayList<KeyValue>();
    String cursor = "";
    do {
      Page<KeyValue> page = store().listKeyValues(category, cursor, limit);
      assertThat(page.items()).hasSizeLessThanOrEqualTo(limit);
      assertThat(page.next()).isNotEqualTo(cursor.isEmpty() ? null : cursor);
      all.addAll(page.items());
      cursor = page.next();
    } while (!cursor.isEmpty());
    return all;
  }

  /** Whether it is created; refused with a code when the store has one like it. */
  private boolean createUnlessAlike(String category, String key, String value) {
    try {
      return store().createKeyValue(category, key, value);
    } catch (StoreRejectedException e) {
      assertThat(tellsSpellingsApart() && tellsSpacesApart()).isFalse();
      assertThat(e.code()).isEqualTo(ErrorCode.BAD_REQUEST);
      return false;
    }
  }

  @Test
  default void keys_are_compared_exactly() {
    store().createKeyValue("c", "key", "1");

    assertThat(createUnlessAlike("c", "KEY", "2")).isEqualTo(tellsSpellingsApart());
    assertThat(createUnlessAlike("c", "key ", "3")).isEqualTo(tellsSpacesApart());
    assertThat(store().createKeyValue("c", "数据'\"🙂", "4")).isTrue();

    assertThat(store().findKeyValue("c", "key").map(KeyValue::value)).hasValue("1");
    assertThat(store().findKeyValue("c", "KEY").map(KeyValue::value))
        .isEqualTo(tellsSpellingsApart() ? Optional.of("2") : Optional.empty());
    assertThat(store().findKeyValue("c", "key ").map(KeyValue::value))
        .isEqualTo(tellsSpacesApart() ? Optional.of("3") : Optional.empty());
    assertThat(store().updateKeyValue("c", "kEy", "5", 1)).isFalse();
    assertThat(store().deleteKeyValue("c", "kEy")).isFalse();
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
