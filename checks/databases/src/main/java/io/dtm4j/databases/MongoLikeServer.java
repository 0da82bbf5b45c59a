package io.dtm4j.databases;

import static java.util.Objects.requireNonNull;

import com.mongodb.ConnectionString;
import com.mongodb.MongoClientSettings;
import com.mongodb.client.MongoClient;
import com.mongodb.client.MongoClients;
import de.bwaldvogel.mongo.MongoServer;
import de.bwaldvogel.mongo.backend.h2.H2Backend;
import de.bwaldvogel.mongo.bson.Document;
import de.bwaldvogel.mongo.wire.message.MongoMessage;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import org.h2.mvstore.MVStore;

/**
 * A process that speaks the protocol of MongoDB, mongo-java-server, and is none. It does one
 * command after the other, and has each in a file before it answers: a kill loses nothing that was
 * acknowledged, and leaves no command half done. Nothing is synced.
 */
public final class MongoLikeServer extends OneProcessServer {
  private static final int SECONDS_TO_ANSWER = 10;

  private final int port = Processes.freePort();

  /** Makes one and starts it. */
  public MongoLikeServer() throws Exception {
    super("mongo-like");
    start();
  }

  /** What the process runs. */
  private static final class Backend extends H2Backend {
    Backend(MVStore file) {
      super(file);
    }

    @Override
    public synchronized Document handleMessage(MongoMessage message) {
      try {
        return super.handleMessage(message);
      } finally {
        commit();
      }
    }
  }

  /** The process: serves on that port what is in that file. */
  public static void main(String... words) {
    // It commits only with each command, else it might keep a part of one.
    MVStore file =
        new MVStore.Builder()
            .fileName(words[1])
            .autoCommitDisabled()
            .autoCommitBufferSize(0)
            .open();
    new MongoServer(new Backend(file)).bind("127.0.0.1", Integer.parseInt(words[0]));
  }

  @Override
  List<String> command() {
    return List.of(
        Path.of(requireNonNull(System.getProperty("java.home")), "bin", "java").toString(),
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1",
        "-Xmx256m",
        "-cp",
        requireNonNull(System.getProperty("java.class.path")),
        MongoLikeServer.class.getName(),
        Integer.toString(port),
        directory().resolve("data").toString());
  }

  @Override
  void tryOut() {
    ask(client -> client.getDatabase("admin").runCommand(org.bson.Document.parse("{ping: 1}")));
  }

  /** Asks it something, over a connection of its own. */
  public <T> T ask(Function<MongoClient, T> question) {
    MongoClientSettings settings =
        MongoClientSettings.builder()
            .applyConnectionString(new ConnectionString(url()))
            .applyToClusterSettings(
                cluster -> cluster.serverSelectionTimeout(SECONDS_TO_ANSWER, TimeUnit.SECONDS))
            .build();
    try (MongoClient client = MongoClients.create(settings)) {
      return question.apply(client);
    }
  }

  /** What dtm4j keeps of each transaction beyond DTM's record, by gid, in a database. */
  public Map<String, String> texts(String name) {
    return ask(
        client -> {
          Map<String, String> all = new TreeMap<>();
          for (org.bson.Document one :
              client.getDatabase(name).getCollection("dtm4j_transactions").find()) {
            all.put(one.getString("_id"), one.getString("ext_data"));
          }
          return all;
        });
  }

  private String url() {
    return "mongodb://127.0.0.1:" + port + "/";
  }

  @Override
  public Map<String, String> create(String name) {
    return Map.of("STORE_URL", url(), "STORE_DB", name);
  }
}
