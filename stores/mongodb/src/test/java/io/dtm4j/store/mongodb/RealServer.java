package io.dtm4j.store.mongodb;

import static java.util.Objects.requireNonNull;

import java.util.UUID;

/** A replica set that somebody gives the address of; each test class has a database of its own. */
final class RealServer {
  private static final String URL = "DTM4J_TEST_MONGODB_URL";

  private RealServer() {}

  /** A database that is empty; whoever asks for it resets it at the end. */
  static MongoStoreConfig newDatabase() {
    return new MongoStoreConfig(
        requireNonNull(System.getenv(URL), URL),
        "dtm4j_test_" + UUID.randomUUID().toString().substring(0, 8));
  }
}
