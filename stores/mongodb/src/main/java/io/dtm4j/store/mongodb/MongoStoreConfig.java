package io.dtm4j.store.mongodb;

import com.mongodb.MongoNamespace;

/**
 * Which MongoDB a shared store keeps its transactions in.
 *
 * @param url {@code mongodb://…} or {@code mongodb+srv://…}, with user, password, TLS and time-outs
 *     of connections in it; never part of a message or a log as a whole. Write concern, read
 *     concern, read preference and {@code retryWrites} are the store's own
 * @param database where its collections are; it is made when it is not there
 */
public record MongoStoreConfig(String url, String database) {
  public MongoStoreConfig {
    MongoNamespace.checkDatabaseNameValidity(database);
  }

  /** Without what is secret, or may be. */
  @Override
  public String toString() {
    return address();
  }

  /** The hosts and the database: no user, no password, no parameters. */
  String address() {
    // Behind the last @ nothing is secret, however badly a password is written.
    int scheme = url.indexOf("://");
    int from = Math.max(scheme < 0 ? 0 : scheme + 3, url.lastIndexOf('@') + 1);
    int end = from;
    while (end < url.length() && url.charAt(end) != '/' && url.charAt(end) != '?') {
      end++;
    }
    return url.substring(from, end) + "/" + database;
  }
}
