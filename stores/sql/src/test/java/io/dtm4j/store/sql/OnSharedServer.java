package io.dtm4j.store.sql;

import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Function;
import org.junit.jupiter.api.AfterEach;

/** What tests need that open stores on one server, as several servers of dtm4j do. */
abstract class OnSharedServer {
  final SharedServer server;
  private final List<SqlStore> open = new ArrayList<>();

  OnSharedServer(SharedServer server) {
    this.server = server;
  }

  /** Two servers on one database. */
  List<SqlStore> two() throws Exception {
    SqlStoreConfig config = server.newDatabase();
    return List.of(opened(config), opened(config));
  }

  SqlStore opened(SqlStoreConfig config) {
    SqlStore store = SqlStore.open(config);
    open.add(store);
    return store;
  }

  @AfterEach
  void close() {
    open.forEach(SqlStore::close);
  }

  static void execute(SqlStoreConfig config, String... statements) throws SQLException {
    try (Connection connection =
            DriverManager.getConnection(config.url(), config.user(), config.password());
        Statement statement = connection.createStatement()) {
      for (String one : statements) {
        statement.execute(one);
      }
    }
  }

  /** Both do the same at the same time. */
  static <T> List<T> race(List<SqlStore> stores, Function<SqlStore, T> work) throws Exception {
    var start = new CyclicBarrier(stores.size());
    try (var threads = Executors.newFixedThreadPool(stores.size())) {
      List<Future<T>> results =
          stores.stream()
              .map(
                  store ->
                      threads.submit(
                          () -> {
                            start.await();
                            return work.apply(store);
                          }))
              .toList();
      return results.stream().map(OnSharedServer::get).toList();
    }
  }

  static <T> T get(Future<T> future) {
    try {
      return future.get();
    } catch (InterruptedException | ExecutionException e) {
      throw new AssertionError(e);
    }
  }
}
