package io.dtm4j.store.rocksdb;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * A disk whose syncs really fail: strace lets the system calls of a process end with EIO, by their
 * numbers in each thread. Where many fail in a row, several openings of the database do, too.
 */
@DisplayNameGeneration(ReplaceUnderscores.class)
class FailedSyncTest {
  private static final int GROUPS = 60;

  @TempDir Path directory;

  @ParameterizedTest
  @ValueSource(
      strings = {
        "fdatasync:error=EIO:when=40..40",
        "fdatasync:error=EIO:when=40..47",
        "fdatasync,fsync:error=EIO:when=30..45",
        // Every other one: what an opening replays fails half-way.
        "fdatasync:error=EIO:when=40..44+2"
      })
  void nothing_answered_is_lost_nothing_is_doubled_and_work_goes_on(String fault) throws Exception {
    var strace =
        List.of(
            "strace",
            "-f",
            "--seccomp-bpf",
            "-qq",
            "-o",
            directory.resolve("calls").toString(),
            "-e",
            "trace=fdatasync,fsync",
            "-e",
            "inject=" + fault);
    Path data = directory.resolve("data");

    Process process = CommittingProcess.start(strace, data, "g", GROUPS, false);
    List<String> lines =
        new String(process.getInputStream().readAllBytes(), UTF_8).lines().toList();

    assertThat(process.waitFor()).as("%s", lines).isZero();
    assertThat(lines).anyMatch(line -> line.startsWith("unknown") && line.contains("Input/output"));
    assertThat(lines).contains("recovered").endsWith("done");
    assertThat(lines).noneMatch(line -> line.startsWith("wrong"));
    try (var store = RocksDbStore.open(new RocksDbConfig(data, true))) {
      CommittingProcess.answered(lines)
          .forEach(
              (gid, revision) ->
                  assertThat(store.find(gid).orElseThrow().owner().revision())
                      .as("%s", gid)
                      .isEqualTo(revision));
    }
  }
}
