package io.dtm4j.store.sql;

import io.dtm4j.databases.DatabaseServer;
import io.dtm4j.databases.MariaDbServer;
import io.dtm4j.databases.MySqlServer;
import io.dtm4j.databases.PostgresServer;
import io.dtm4j.databases.TiDbServer;
import java.time.ZoneId;
import java.util.concurrent.Callable;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/** One server of a kind for all tests of this process, each with a database of its own. */
final class SharedServer {
  static final SharedServer MARIADB = new SharedServer(MariaDbServer::new);
  static final SharedServer MYSQL = new SharedServer(MySqlServer::new);
  static final SharedServer TIDB = new SharedServer(TiDbServer::new);
  static final SharedServer POSTGRES = new SharedServer(PostgresServer::new);
  static final SharedServer POSTGRES_18 = new SharedServer(PostgresServer::ofVersion18);

  private final Callable<DatabaseServer> kind;
  private final AtomicInteger databases = new AtomicInteger();
  private @Nullable DatabaseServer server;

  private SharedServer(Callable<DatabaseServer> kind) {
    this.kind = kind;
  }

  /** A server of that kind, which nobody else has. */
  DatabaseServer newServer() throws Exception {
    return kind.call();
  }

  /** The server; it runs until the process ends. */
  synchronized DatabaseServer server() throws Exception {
    DatabaseServer running = server;
    if (running == null) {
      running = newServer();
      server = running;
    }
    return running;
  }

  /** A new database that is empty. */
  SqlStoreConfig newDatabase() throws Exception {
    String name = "d" + databases.incrementAndGet();
    server().execute("create database " + name);
    return config(server(), name);
  }

  /** How a store comes to a database of a server. */
  static SqlStoreConfig config(DatabaseServer server, String database) {
    return new SqlStoreConfig(
        server.url(database), DatabaseServer.USER, DatabaseServer.PASSWORD, 4);
  }

  /** A new database with the empty tables of a DTM in Go. */
  SqlStoreConfig newAdopted(@Nullable Boolean shared, @Nullable ZoneId zone) throws Exception {
    SqlStoreConfig bare = newDatabase();
    DtmTables.make(bare);
    return new SqlStoreConfig(
        bare.url(), bare.user(), bare.password(), bare.poolSize(), shared, zone);
  }
}
