package io.dtm4j.store.redis;

import java.time.Duration;
import java.util.List;

/**
 * Which Redis a shared store keeps its transactions in.
 *
 * @param hosts one {@code host:port}: a single server; several: a Cluster, of which these are asked
 *     for the others. A url instead of {@code host:port} says more: {@code rediss://host:port} is
 *     spoken to by TLS, one {@code redis-sentinel://host:port,host:port#name} is the server that
 *     these Sentinels call by that name
 * @param user "": the default user
 * @param password "": none; never part of a message or a log
 * @param prefix what all keys begin with; "", and DTM's own default {@value #DTM_PREFIX}, stand for
 *     {@value #DEFAULT_PREFIX}
 * @param finishedDataExpire how long a finished transaction is kept; zero: for ever
 * @param replicas how many replicas have a write before it counts as stored
 */
public record RedisStoreConfig(
    List<String> hosts,
    String user,
    String password,
    String prefix,
    Duration finishedDataExpire,
    int replicas) {
  /** What keys begin with unless something else is configured. */
  public static final String DEFAULT_PREFIX = "dtm4j";

  /** What the keys of DTM begin with unless something else is configured. */
  public static final String DTM_PREFIX = "{a}";

  private static final String SENTINEL = "-sentinel://";

  public RedisStoreConfig {
    hosts = List.copyOf(hosts);
    if (hosts.isEmpty() || hosts.contains("")) {
      throw new IllegalArgumentException(
          "hosts: none, or an empty one among " + hosts.size() + " (expected: host:port)");
    }
    if (hosts.size() > 1 && hosts.stream().anyMatch(host -> host.contains(SENTINEL))) {
      throw new IllegalArgumentException(
          "several hosts with Sentinels among them (expected: one redis-sentinel:// url)");
    }
    if (finishedDataExpire.isNegative()) {
      throw new IllegalArgumentException(
          "finishedDataExpire: " + finishedDataExpire + " (expected: >= 0)");
    }
    if (replicas < 0) {
      throw new IllegalArgumentException("replicas: " + replicas + " (expected: >= 0)");
    }
    if (!prefix.equals(DTM_PREFIX) && (prefix.indexOf('{') >= 0 || prefix.indexOf('}') >= 0)) {
      throw new IllegalArgumentException(
          "prefix: " + prefix + " (expected: no braces, which would keep all keys on one server)");
    }
  }

  /** Whether it is a Cluster. */
  boolean isCluster() {
    return hosts.size() > 1;
  }

  /** What all keys of the store begin with. */
  String ownPrefix() {
    return prefix.isEmpty() || prefix.equals(DTM_PREFIX) ? DEFAULT_PREFIX : prefix;
  }

  /** What the keys of a DTM in Go with this configuration begin with. */
  String dtmPrefix() {
    return prefix.isEmpty() ? DTM_PREFIX : prefix;
  }

  /**
   * Where a DTM in Go may have left something: under this prefix, or under the same with braces,
   * with which it has to run on a Cluster and which this store does not take.
   */
  List<String> dtmPrefixes() {
    String prefix = dtmPrefix();
    return prefix.equals(DTM_PREFIX) ? List.of(prefix) : List.of(prefix, "{" + prefix + "}");
  }

  /** Where it is, without user and password, which some put into a url. */
  String address() {
    return String.join(",", hosts.stream().map(RedisStoreConfig::address).toList());
  }

  private static String address(String host) {
    int begin = host.contains("://") ? host.indexOf("://") + 3 : 0;
    int at = host.lastIndexOf('@'); // a password that is badly escaped may have any signs
    String bare = host.substring(Math.max(begin, at + 1));
    int end = bare.indexOf('?') < 0 ? bare.length() : bare.indexOf('?');
    return (at < begin && at >= 0 ? "" : host.substring(0, begin)) + bare.substring(0, end);
  }

  /** Without what is secret, or may be. */
  @Override
  public String toString() {
    return "Redis " + address() + ", keys " + ownPrefix() + ":…";
  }
}
