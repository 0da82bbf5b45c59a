package io.dtm4j.store.redis;

import io.dtm4j.store.Cursors;
import io.dtm4j.store.KeyValue;
import io.dtm4j.store.Page;
import io.lettuce.core.Limit;
import io.lettuce.core.Range;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Small values beside the transactions: one hash by name, and the names in their order. A name is
 * the length of the category, the category, and the key; so no category is mistaken for another
 * one.
 *
 * <p>A repeat of one's own write that had taken effect while its answer was lost finds another
 * version and answers false; versions carry no token by which it could be known. That misleads none
 * of those who write here. Topics look at what is stored before each attempt, and know their own
 * change by its value and version, their own deletion by having tried it. A server writes a key
 * that no other one writes, and ignores the answer; so do all when they take out those that died.
 * An import stops at a lost answer, and when it is repeated only counts topics less.
 */
final class KeyValues {
  private static final int READ_AT_ONCE = 256;

  /** Of what the values are: version, then the time of creation. */
  private static final int HEAD = 2 * Long.BYTES;

  private static final byte[] NONE = {};
  private static final byte[] ANY = {'*'};

  private final Session session;

  KeyValues(Session session) {
    this.session = session;
  }

  boolean create(String category, String key, String value, Instant now) {
    return set(name(category, key), NONE, bytes(value, 1, now, now));
  }

  boolean update(String category, String key, String value, long version, Instant now) {
    byte[] name = name(category, key);
    byte[] old = session.field(session.commands().hget(values(), name));
    if (old == null || ByteBuffer.wrap(old).getLong() != version) {
      return false;
    }
    Instant created = Instant.ofEpochMilli(ByteBuffer.wrap(old).getLong(Long.BYTES));
    return set(name, Arrays.copyOf(old, HEAD), bytes(value, version + 1, created, now));
  }

  boolean delete(String category, String key) {
    return set(name(category, key), ANY, NONE);
  }

  private boolean set(byte[] name, byte[] expected, byte[] value) {
    return session.replicated(
        () -> List.of(values()),
        () -> {
          Session.ScriptCall<Long> call =
              session.call(
                  Script.VALUE, session.keys().keyValues(), List.of(name, expected, value));
          return session.get(call) == 1;
        });
  }

  /** One that replicas have as well: by it a repeat knows what it has written before. */
  @Nullable KeyValue findOne(String category, String key) {
    byte[] name = name(category, key);
    return session.<@Nullable KeyValue>replicated(
        () -> List.of(values()),
        () -> {
          byte[] value = session.field(session.commands().hget(values(), name));
          return value == null ? null : read(name, value);
        });
  }

  List<KeyValue> find(@Nullable String category, @Nullable String key) {
    var found = new ArrayList<KeyValue>();
    Page<KeyValue> page = page(category, "", READ_AT_ONCE);
    while (true) {
      page.items().stream().filter(one -> key == null || key.equals(one.key())).forEach(found::add);
      if (page.next().isEmpty()) {
        return found;
      }
      page = page(category, page.next(), READ_AT_ONCE);
    }
  }

  Page<KeyValue> page(@Nullable String category, String cursor, int limit) {
    Range.Boundary<byte[]> from = Range.Boundary.unbounded();
    Range.Boundary<byte[]> to = Range.Boundary.unbounded();
    if (category != null) {
      byte[] begin = name(category, "");
      from = Range.Boundary.including(begin);
      to = Range.Boundary.excluding(following(begin));
    }
    if (!cursor.isEmpty()) {
      Cursors.Name last = Cursors.name(cursor);
      from = Range.Boundary.excluding(name(last.category(), last.key()));
    }
    var items = new ArrayList<KeyValue>();
    while (true) {
      int count = Math.min(READ_AT_ONCE, limit - items.size() + 1);
      List<byte[]> names =
          session.get(
              session
                  .commands()
                  .zrangebylex(
                      session.keys().keyValues().getFirst(),
                      Range.from(from, to),
                      Limit.create(0, count)));
      for (KeyValue one : read(names)) {
        if (items.size() == limit) {
          return new Page<>(items, Cursors.behind(items.getLast()));
        }
        items.add(one);
      }
      if (names.size() < count) {
        return new Page<>(items, "");
      }
      from = Range.Boundary.excluding(names.getLast());
    }
  }

  private List<KeyValue> read(List<byte[]> names) {
    if (names.isEmpty()) {
      return List.of();
    }
    return session.get(session.commands().hmget(values(), names.toArray(byte[][]::new))).stream()
        .filter(io.lettuce.core.KeyValue::hasValue) // else deleted meanwhile
        .map(one -> read(one.getKey(), one.getValue()))
        .toList();
  }

  private byte[] values() {
    return session.keys().keyValues().getLast();
  }

  private static byte[] name(String category, String key) {
    byte[] one = Texts.bytes(category);
    byte[] other = Texts.bytes(key);
    return ByteBuffer.allocate(Integer.BYTES + one.length + other.length)
        .putInt(one.length)
        .put(one)
        .put(other)
        .array();
  }

  /** The first name behind all that begin so. */
  private static byte[] following(byte[] begin) {
    byte[] end = begin.clone();
    int last = end.length - 1;
    while (++end[last] == 0) {
      last--;
    }
    return Arrays.copyOf(end, last + 1);
  }

  private static byte[] bytes(String value, long version, Instant created, Instant updated) {
    byte[] text = Texts.bytes(value);
    return ByteBuffer.allocate(HEAD + Long.BYTES + text.length)
        .putLong(version)
        .putLong(created.toEpochMilli())
        .putLong(updated.toEpochMilli())
        .put(text)
        .array();
  }

  private static KeyValue read(byte[] name, byte[] value) {
    ByteBuffer names = ByteBuffer.wrap(name);
    byte[] category = new byte[names.getInt()];
    names.get(category);
    byte[] key = new byte[names.remaining()];
    names.get(key);
    ByteBuffer values = ByteBuffer.wrap(value);
    long version = values.getLong();
    Instant created = Instant.ofEpochMilli(values.getLong());
    Instant updated = Instant.ofEpochMilli(values.getLong());
    byte[] text = new byte[values.remaining()];
    values.get(text);
    return new KeyValue(
        Texts.text(category), Texts.text(key), Texts.text(text), version, created, updated);
  }
}
