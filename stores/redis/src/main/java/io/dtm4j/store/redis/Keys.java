package io.dtm4j.store.redis;

import static java.util.Objects.requireNonNull;

import io.dtm4j.protocol.Gid;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collection;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.zip.CRC32;

/**
 * Names of keys. What belongs to one transaction lies in one of {@value #SHARDS} shards, whose
 * number in braces makes a Cluster keep each of them on one server.
 */
final class Keys {
  /** Written into the store when it is made: never changes. */
  static final int SHARDS = 64;

  private final String prefix;
  private final byte[][] records = new byte[SHARDS][];
  private final List<Map<Index, byte[]>> indexes = new ArrayList<>();
  private final byte[] meta;
  private final List<byte[]> keyValues;

  Keys(String prefix) {
    this.prefix = prefix;
    for (int shard = 0; shard < SHARDS; shard++) {
      String begin = String.format("%s:{%02d}:", prefix, shard);
      records[shard] = Texts.bytes(begin + "t:");
      var keys = new EnumMap<Index, byte[]>(Index.class);
      for (Index index : Index.values()) {
        keys.put(index, Texts.bytes(begin + index.keyName()));
      }
      indexes.add(keys);
    }
    meta = Texts.bytes(prefix + ":meta");
    keyValues = List.of(Texts.bytes(prefix + ":{kv}:names"), Texts.bytes(prefix + ":{kv}:values"));
  }

  static int shard(byte[] gid) {
    var crc = new CRC32();
    crc.update(gid);
    return (int) (crc.getValue() % SHARDS);
  }

  byte[] record(Gid gid) {
    return record(Texts.bytes(gid.value()));
  }

  byte[] record(byte[] gid) {
    byte[] begin = records[shard(gid)];
    byte[] key = new byte[begin.length + gid.length];
    System.arraycopy(begin, 0, key, 0, begin.length);
    System.arraycopy(gid, 0, key, begin.length, gid.length);
    return key;
  }

  byte[] index(int shard, Index index) {
    return requireNonNull(indexes.get(shard).get(index));
  }

  /** The index sets of a shard, in their order. */
  Collection<byte[]> indexes(int shard) {
    return indexes.get(shard).values();
  }

  /** The hash of what is written once. */
  byte[] meta() {
    return meta;
  }

  /** The sorted set of the names of values, and the hash of the values. */
  List<byte[]> keyValues() {
    return keyValues;
  }

  /** Matches all keys there are of this store, and those of stores whose prefix is longer. */
  String pattern() {
    return escaped(prefix) + ":*";
  }

  /** What matches that text and no other. */
  static String escaped(String text) {
    var pattern = new StringBuilder();
    for (int i = 0; i < text.length(); i++) {
      char unit = text.charAt(i);
      pattern.append("*?[]\\".indexOf(unit) < 0 ? "" : "\\").append(unit);
    }
    return pattern.toString();
  }

  /** Whether it is of this store: no prefix has a brace. */
  boolean isOwn(byte[] key) {
    String name = new String(key, StandardCharsets.UTF_8);
    return name.startsWith(prefix + ":{") || name.equals(prefix + ":meta");
  }
}
