package io.dtm4j.store.redis;

import static io.dtm4j.store.redis.Sagas.await;
import static io.dtm4j.store.redis.Sagas.claim;
import static io.dtm4j.store.redis.Sagas.committed;
import static io.dtm4j.store.redis.Sagas.save;
import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.dtm4j.databases.Processes;
import io.dtm4j.databases.RedisServer;
import io.dtm4j.protocol.Gid;
import io.dtm4j.store.StoreUnavailableException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.Key;
import java.security.KeyStore;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A Redis that is spoken to by TLS. */
@Tag("long")
@DisplayNameGeneration(ReplaceUnderscores.class)
class TlsTest {
  private static final int SLOTS = 16_384;
  private static final char[] PASSWORD = "changeit".toCharArray();

  private final int port = Processes.freePort();
  private final String url = "rediss://127.0.0.1:" + port;
  private final List<String> settings;

  TlsTest(@TempDir Path directory) throws Exception {
    Path keys = directory.resolve("keys.p12");
    Processes.run(directory.resolve("keytool.log"), keytool(keys));
    KeyStore store = KeyStore.getInstance(keys.toFile(), PASSWORD);
    Path certificate = directory.resolve("certificate.pem");
    Path key = directory.resolve("key.pem");
    Files.writeString(
        certificate, pem("CERTIFICATE", requireNonNull(store.getCertificate("k")).getEncoded()));
    Key secret = requireNonNull(store.getKey("k", PASSWORD));
    Files.writeString(key, pem("PRIVATE KEY", requireNonNull(secret.getEncoded())));
    settings =
        List.of(
            "--tls-port",
            Integer.toString(port),
            "--tls-auth-clients",
            "no",
            "--tls-cert-file",
            certificate.toString(),
            "--tls-key-file",
            key.toString(),
            "--tls-ca-cert-file",
            certificate.toString());
  }

  private static List<String> keytool(Path keys) {
    String binary =
        Path.of(String.valueOf(System.getProperty("java.home")), "bin", "keytool").toString();
    String what = "-genkeypair -alias k -keyalg EC -dname CN=localhost -ext san=ip:127.0.0.1";
    return List.of(
        (binary + " " + what + " -storetype PKCS12 -keystore " + keys + " -storepass changeit")
            .split(" "));
  }

  private static String pem(String what, byte[] bytes) {
    String text = Base64.getMimeEncoder(64, "\n".getBytes(US_ASCII)).encodeToString(bytes);
    return "-----BEGIN " + what + "-----\n" + text + "\n-----END " + what + "-----\n";
  }

  private static void assertStores(String... hosts) {
    var config = new RedisStoreConfig(List.of(hosts), "", "", "p", Duration.ofDays(1), 0);
    try (RedisStore store = RedisStore.open(config)) {
      committed(store, save("g", claim("a")), save("h", claim("b")));
      assertThat(store.find(new Gid("g"))).isPresent();
    }
  }

  @Test
  void one_server_is_spoken_to_and_its_certificate_is_looked_at() throws Exception {
    var server = new RedisServer(settings.toArray(String[]::new));
    try {
      assertThatExceptionOfType(StoreUnavailableException.class)
          .isThrownBy(() -> assertStores(url)); // nobody has told whom to trust

      assertStores(url + "?verifyPeer=NONE");
    } finally {
      server.stop();
    }
  }

  @Test
  void a_cluster_is_spoken_to() throws Exception {
    var more = new ArrayList<>(settings);
    more.addAll(List.of("--cluster-enabled", "yes", "--tls-cluster", "yes"));
    var server = new RedisServer(more.toArray(String[]::new));
    try {
      server.ask(commands -> commands.clusterAddSlots(IntStream.range(0, SLOTS).toArray()));
      await(
          () ->
              Optional.of(server.<String>ask(commands -> commands.clusterInfo()))
                  .filter(info -> info.contains("cluster_state:ok")));

      assertStores(url + "?verifyPeer=NONE", url + "?verifyPeer=NONE");

      assertThat(server.<List<String>>ask(commands -> commands.keys("p:*:t:*"))).hasSize(2);
    } finally {
      server.stop();
    }
  }
}
