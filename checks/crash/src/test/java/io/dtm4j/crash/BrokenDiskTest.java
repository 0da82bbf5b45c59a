package io.dtm4j.crash;

import static org.assertj.core.api.Assertions.assertThat;

import io.dtm4j.crash.Api.Answer;
import io.dtm4j.crash.Api.Known;
import io.dtm4j.crash.Load.Submission;
import io.dtm4j.crash.ServerProcess.Setup;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Isolated;

/**
 * Disks that are full, turn read-only or are taken away below a server under load. Clients hear so,
 * what they were promised stays, and the server goes on by itself when the cause is gone.
 *
 * <p>The lock file of the data lies outside: a file that is open for writing keeps a file system
 * from being made read-only.
 */
@DisplayNameGeneration(ReplaceUnderscores.class)
@Isolated
class BrokenDiskTest {
  private static final int CANNOT_START = 2;
  private static final int SOME = 50;
  private static final int CLIENTS = 12;
  private static final int LATENESS = 20;

  /** So that a disk is full soon. */
  private static final int PADDING = 4_000;

  /** Too small for the 35 MB that RocksDB would set aside for a log, which it goes without. */
  private static final int MEGABYTES = 24;

  private static final int FILE_MEGABYTES = 128;
  private static final Duration SOON = Duration.ofSeconds(30);
  private static final String FULL = "No space left on device";
  private static final String READ_ONLY = "Read-only file system";

  /** Longer than a client waits for an outcome: three seconds. */
  private static final Duration CLIENTS_HEAR_OF_IT = Duration.ofSeconds(4);

  /** What a client may be told while the store cannot write, and with which status. */
  private static final Map<String, String> STATUS_BY_CODE =
      Map.of(
          "OUTCOME_UNKNOWN", "500",
          "STORE_UNAVAILABLE", "503",
          "OVERLOADED", "503",
          "CONTENDED", "500");

  /** Of a heap of 256 MB, what RocksDB has beside it and the JVM itself. */
  private static final long MOST_KILOBYTES = 700_000;

  @TempDir Path folder;
  private final BankParticipants bank = new BankParticipants();
  private Setup setup;
  private Api api;
  private Path place;

  @BeforeEach
  void prepare() {
    setup = Setup.in(folder).impatient();
    api = new Api(setup.url());
    place = setup.data().resolve("rocksdb");
  }

  @AfterEach
  void close() {
    bank.close();
  }

  @Test
  void a_disk_that_is_full_and_then_read_only_loses_nothing() throws Exception {
    try (SmallDisk disk = SmallDisk.inMemory(place, MEGABYTES)) {
      List<Submission> submissions;
      try (var server = setup.serve()) {
        try (var load = load()) {
          load.awaitMore(SOME, SOON);
          disk.fill();
          awaitReadiness(FULL);
          Await.pass(CLIENTS_HEAR_OF_IT);
          // While the store is closed between two attempts to open it.
          Await.until("the disk is read-only", SOON, disk::makeReadOnly);
          awaitReadiness(READ_ONLY);
          assertThat(peakKilobytes(server)).isLessThan(MOST_KILOBYTES);

          disk.makeWritable();
          disk.free();

          awaitReady();
          load.awaitMore(SOME, SOON);
          submissions = load.end();
        }
        assertThatClientsHeardOfIt(submissions);
        Verdict.passOn(submissions, api, bank);
      }
      assertThatAllIsThereAfterAStart(submissions);
    }
  }

  @Test
  void a_disk_that_turns_read_only_and_is_taken_away_to_be_repaired_loses_nothing()
      throws Exception {
    try (SmallDisk disk = SmallDisk.inFile(folder.resolve("disk"), place, FILE_MEGABYTES)) {
      List<Submission> submissions;
      try (var server = setup.serve()) {
        try (var load = load()) {
          load.awaitMore(SOME, SOON);
          disk.breakNow();
          awaitReadiness(READ_ONLY);
          Await.pass(CLIENTS_HEAR_OF_IT);
          Await.until("the disk is away", SOON, disk::unmount);
          awaitReadiness("does not exist"); // and is not made anew in the directory that shows now
          assertThat(peakKilobytes(server)).isLessThan(MOST_KILOBYTES);
          disk.repair();

          disk.mount();

          awaitReady();
          load.awaitMore(SOME, SOON);
          submissions = load.end();
        }
        assertThatClientsHeardOfIt(submissions);
        Verdict.passOn(submissions, api, bank);
      }
      assertThatAllIsThereAfterAStart(submissions);
    }
  }

  @Test
  void a_server_killed_on_a_full_disk_starts_again_when_it_is_neither_full_nor_read_only()
      throws Exception {
    try (SmallDisk disk = SmallDisk.inMemory(place, MEGABYTES)) {
      List<Submission> submissions;
      try (var server = setup.serve();
          var load = load()) {
        load.awaitMore(SOME, SOON);
        disk.fill();
        awaitReadiness(FULL);
        server.kill();
        submissions = load.end();
      }
      assertThatItDoesNotStart(FULL);
      assertThat(disk.makeReadOnly()).isTrue();
      assertThatItDoesNotStart(READ_ONLY);

      disk.makeWritable();
      disk.free();
      assertThatAllIsThereAfterAStart(submissions);
    }
  }

  private Load load() {
    return new Load(api, bank, CLIENTS, LATENESS, PADDING, 5);
  }

  private void awaitReadiness(String why) {
    Await.until("it says: " + why, SOON, () -> api.readiness().contains(why));
  }

  private void awaitReady() {
    Await.until("it is ready", SOON, () -> api.readiness().contains("\"ready\""));
  }

  private void assertThatItDoesNotStart(String why) {
    try (var refused = setup.launch()) {
      assertThat(refused.awaitEnd()).isEqualTo(CANNOT_START);
      assertThat(refused.output())
          .contains("dtm4j: data in " + setup.data(), why)
          .doesNotContain("\tat ");
    }
  }

  private void assertThatAllIsThereAfterAStart(List<Submission> submissions) {
    try (var _ = setup.serve()) {
      Verdict.passOn(submissions, api, bank);
    }
    assertThat(submissions).anyMatch(Submission::mustBeStored);
  }

  /** Whoever was not told that it is done heard why, by a code. */
  private static void assertThatClientsHeardOfIt(List<Submission> submissions) {
    List<Answer> refused =
        submissions.stream()
            .flatMap(one -> one.answers.stream())
            .filter(one -> one.known() == Known.NOT_KNOWN || one.known() == Known.NOT_STORED)
            .toList();
    assertThat(refused)
        .anyMatch(one -> one.known() == Known.NOT_STORED)
        .allMatch(one -> one.detail().startsWith(STATUS_BY_CODE.getOrDefault(code(one), "none")));
    assertThat(submissions)
        .flatMap(one -> one.answers)
        .noneMatch(one -> one.known() == Known.NO_ANSWER);
  }

  private static String code(Answer answer) {
    return answer.body().path("code").asText();
  }

  /** The most memory that it ever had. */
  private static long peakKilobytes(ServerProcess server) throws IOException {
    return Files.readAllLines(Path.of("/proc/" + server.pid() + "/status")).stream()
        .filter(line -> line.startsWith("VmHWM:"))
        .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")))
        .findFirst()
        .orElseThrow();
  }
}
