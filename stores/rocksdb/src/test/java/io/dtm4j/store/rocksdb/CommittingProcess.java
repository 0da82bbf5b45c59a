package io.dtm4j.store.rocksdb;

import io.dtm4j.model.Batch;
import io.dtm4j.model.Stored;
import io.dtm4j.protocol.Gid;
import io.dtm4j.store.CommitResult;
import io.dtm4j.store.OutcomeUnknownException;
import io.dtm4j.store.StoreUnavailableException;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * A process that commits sagas in groups and says what it knows, a line each; tests do it harm.
 *
 * <pre>
 * answered gid:revision …    these batches are durable
 * unknown cause              the outcome of the group is not known, it is sent again
 * recovered                  it is known now
 * deleting gid …             these finished sagas are deleted now
 * deleted gid …              they are gone for good
 * wrong what                 the store broke a promise
 * done                       all sagas are committed and the store was closed
 * </pre>
 *
 * Arguments: directory, prefix of the gids, number of groups, whether it deletes finished sagas.
 */
final class CommittingProcess {
  private static final int SAGAS_OF_GROUP = 12;
  private static final int BATCHES_OF_SAGA = 3;

  private CommittingProcess() {}

  public static void main(String[] arguments) {
    int groups = Integer.parseInt(arguments[2]);
    boolean deletes = Boolean.parseBoolean(arguments[3]);
    try (var store = RocksDbStore.open(new RocksDbConfig(Path.of(arguments[0]), true))) {
      for (int group = 0; group < groups; group++) {
        commit(store, group(arguments[1], group, store.storeTime()));
        if (deletes) {
          delete(store);
        }
      }
    }
    say("done");
  }

  /** New sagas, and the next batches of those of the two groups before. */
  private static List<Batch> group(String prefix, int group, Instant now) {
    var batches = new ArrayList<Batch>();
    for (int number = 0; number < BATCHES_OF_SAGA && number <= group; number++) {
      for (int saga = 0; saga < SAGAS_OF_GROUP; saga++) {
        batches.add(Sagas.batch(prefix + (group - number) + "-" + saga, number, now));
      }
    }
    return batches;
  }

  /** Every other saga, so that some stay. */
  private static void delete(RocksDbStore store) {
    Instant now = store.storeTime();
    List<Gid> gids =
        store.endedBefore(now, "", SAGAS_OF_GROUP).items().stream()
            .filter(gid -> gid.value().hashCode() % 2 == 0)
            .toList();
    String names = gids.stream().map(Gid::value).collect(Collectors.joining(" "));
    say("deleting " + names);
    if (store.delete(gids, now) != gids.size()) {
      say("wrong: not all deleted of " + names);
    }
    say("deleted " + names);
  }

  /** As a lane does it: the same group until its outcome is known. */
  private static void commit(RocksDbStore store, List<Batch> group) {
    for (int attempt = 1; ; attempt++) {
      try {
        List<CommitResult> results = store.commit(group);
        for (int i = 0; i < group.size(); i++) {
          if (!(results.get(i) instanceof CommitResult.Committed)) {
            say("wrong: " + group.get(i).gid() + " " + results.get(i));
          }
        }
        if (store.trouble() != null) {
          say("wrong: trouble after a commit");
        }
        if (attempt > 1) {
          say("recovered");
        }
        say(
            group.stream()
                .map(CommittingProcess::name)
                .collect(Collectors.joining(" ", "answered ", "")));
        return;
      } catch (OutcomeUnknownException e) {
        say("unknown " + e.getMessage());
        if (store.trouble() == null) {
          say("wrong: no trouble after " + e.getMessage());
        }
        read(store, group.getLast());
      }
    }
  }

  /** A read in times of trouble fails, or it shows what was answered. */
  private static void read(RocksDbStore store, Batch last) {
    try {
      Optional<Stored> found = store.find(last.gid());
      long answered = last.owner() == null ? 0 : last.owner().revision() - 1;
      if (answered >= 0 && found.filter(it -> it.owner().revision() >= answered).isEmpty()) {
        say("wrong: " + last.gid() + " is " + found);
      }
    } catch (StoreUnavailableException _) {
      // says that it does not know
    }
  }

  private static String name(Batch batch) {
    return batch.gid() + ":" + (batch.owner() == null ? 0 : batch.owner().revision());
  }

  @SuppressWarnings("SystemOut") // its purpose
  private static void say(String line) {
    System.out.println(line);
  }

  /** Starts one, its errors among its lines. */
  static Process start(
      List<String> wrapper, Path directory, String prefix, int groups, boolean deletes)
      throws IOException {
    var command = new ArrayList<>(wrapper);
    command.addAll(
        List.of(
            Path.of(property("java.home"), "bin", "java").toString(),
            "-XX:+UseSerialGC",
            "-Xmx64m",
            "-XX:TieredStopAtLevel=1",
            "--enable-native-access=ALL-UNNAMED",
            "--sun-misc-unsafe-memory-access=allow",
            "-cp",
            property("java.class.path"),
            CommittingProcess.class.getName(),
            directory.toString(),
            prefix,
            Integer.toString(groups),
            Boolean.toString(deletes)));
    return new ProcessBuilder(command).redirectErrorStream(true).start();
  }

  private static String property(String name) {
    return Objects.requireNonNull(System.getProperty(name), name);
  }

  /** The last revision of each saga that these lines answered. */
  static Map<Gid, Long> answered(List<String> lines) {
    var revisions = new HashMap<Gid, Long>();
    for (String line : lines) {
      if (line.startsWith("answered ")) {
        for (String name : line.substring("answered ".length()).split(" ", -1)) {
          int colon = name.lastIndexOf(':');
          revisions.put(new Gid(name.substring(0, colon)), Long.valueOf(name.substring(colon + 1)));
        }
      }
    }
    return revisions;
  }

  /** The gids that lines of that kind name. */
  static Set<Gid> named(String kind, List<String> lines) {
    return lines.stream()
        .filter(line -> line.startsWith(kind + " "))
        .flatMap(line -> Stream.of(line.substring(kind.length() + 1).split(" ", -1)))
        .filter(gid -> !gid.isEmpty())
        .map(Gid::new)
        .collect(Collectors.toSet());
  }
}
