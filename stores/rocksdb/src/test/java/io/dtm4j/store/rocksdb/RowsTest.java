package io.dtm4j.store.rocksdb;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import io.dtm4j.model.Batch;
import io.dtm4j.model.Branch;
import io.dtm4j.model.BranchKey;
import io.dtm4j.model.Definition;
import io.dtm4j.model.Extra;
import io.dtm4j.model.Owner;
import io.dtm4j.model.Schedule;
import io.dtm4j.model.State;
import io.dtm4j.model.Stored;
import io.dtm4j.model.Transaction;
import io.dtm4j.protocol.BranchStatus;
import io.dtm4j.protocol.Gid;
import io.dtm4j.protocol.GlobalStatus;
import io.dtm4j.protocol.Op;
import io.dtm4j.protocol.Options;
import io.dtm4j.protocol.Payload;
import io.dtm4j.protocol.TransType;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@DisplayNameGeneration(ReplaceUnderscores.class)
class RowsTest {
  private static final Instant NOW = Instant.parse("2026-01-02T03:04:05.678Z");

  private final RowWriter writer = new RowWriter();
  private final Keys keys = new Keys();

  @ParameterizedTest
  @ValueSource(
      longs = {0, 1, 127, 128, 16_383, 16_384, Long.MAX_VALUE, -1, -64, -65, Long.MIN_VALUE})
  void numbers_come_back(long number) {
    byte[] row = writer.clear().number(number).signed(number).sorted(number).copy();

    var reader = new RowReader(row, 0);
    assertThat(reader.number()).isEqualTo(number);
    assertThat(reader.signed()).isEqualTo(number);
    assertThat(reader.sorted()).isEqualTo(number);
  }

  @Test
  void times_come_back_to_the_nanosecond() {
    for (Instant time :
        List.of(NOW, NOW.plusNanos(1), Instant.EPOCH.minusNanos(1), Instant.MIN, Instant.MAX)) {
      byte[] row = writer.clear().time(time).time(time, NOW).copy();

      var reader = new RowReader(row, 0);
      assertThat(reader.time()).isEqualTo(time);
      assertThat(reader.time(NOW)).isEqualTo(time);
    }
  }

  @Test
  void any_string_comes_back_lone_surrogates_too() {
    var random = new SplittableRandom(1);
    for (int i = 0; i < 1_000; i++) {
      String text = text(random, 20);

      var reader = new RowReader(writer.clear().text(text).text("end").copy(), 0);

      assertThat(reader.text()).isEqualTo(text);
      assertThat(reader.text()).isEqualTo("end");
    }
  }

  @Test
  void keys_of_the_due_index_sort_by_time_and_then_by_gid() {
    var random = new SplittableRandom(2);
    for (int i = 0; i < 1_000; i++) {
      Instant time = NOW.plusMillis(random.nextInt(-3, 3)).plusSeconds(random.nextInt(-3, 3));
      Instant other = NOW.plusMillis(random.nextInt(-3, 3)).plusSeconds(random.nextInt(-3, 3));
      Gid gid = new Gid("g" + text(random, 3));
      Gid otherGid = new Gid("g" + text(random, 3));

      byte[] key = keys.due(time, gid);

      int expected = time.compareTo(other);
      expected = expected == 0 ? gid.value().compareTo(otherGid.value()) : expected;
      assertThat(Integer.signum(Arrays.compareUnsigned(key, keys.due(other, otherGid))))
          .isEqualTo(Integer.signum(expected));
      assertThat(Keys.timeOfDue(key)).isEqualTo(time);
      assertThat(Keys.gidOfDue(key)).isEqualTo(gid);
    }
  }

  @Test
  void any_transaction_comes_back() {
    var random = new SplittableRandom(3);
    for (int i = 0; i < 2_000; i++) {
      Stored stored = stored(random);
      Transaction saved = stored.transaction();

      byte[] definition =
          DefinitionRow.write(writer, saved.gid(), saved.definition(), saved.branches());
      byte[] state = StateRow.write(writer, stored);

      DefinitionRow read = DefinitionRow.read(definition);
      assertThat(StateRow.read(state).with(read.gid(), read.definition(), read.branches()))
          .isEqualTo(stored);
      assertThat(StateRow.readDue(saved.gid(), state).owner()).isEqualTo(stored.owner());
      assertThat(StateRow.readDue(saved.gid(), state).nextTime())
          .isEqualTo(saved.state().schedule().nextTime());
    }
  }

  @Test
  void a_payload_is_stored_once_for_the_rows_of_its_step() {
    Payload payload = Payload.of("x".repeat(1_000));
    var rows =
        List.of(
            Branch.open(new BranchKey("01", Op.COMPENSATE), "u", payload, NOW),
            Branch.open(new BranchKey("01", Op.ACTION), "u", payload, NOW));
    var definition = new Definition(TransType.SAGA, "http", "", "", Options.DEFAULTS, NOW);

    byte[] row = DefinitionRow.write(writer, new Gid("g"), definition, rows);

    assertThat(row).hasSizeLessThan(1_100);
    List<Branch> read = DefinitionRow.read(row).branches();
    assertThat(read.get(0).payload()).isSameAs(read.get(1).payload());
  }

  @Test
  void a_state_is_small() {
    Batch saga = Sagas.batch("a gid of 22 characters", 0, NOW);
    Stored stored = ((Batch.Applied.Changed) saga.applyTo(null)).stored();

    byte[] plain = StateRow.write(writer, stored);

    assertThat(plain).hasSizeLessThan(70);
  }

  @Test
  void a_row_of_a_newer_version_is_not_taken_for_another() {
    byte[] row = StateRow.write(writer, stored(new SplittableRandom(4)));
    row[0]++;

    assertThatIllegalStateException()
        .isThrownBy(() -> StateRow.read(row))
        .withMessage("version of a row: 2 (expected: 1)");
  }

  private static Stored stored(SplittableRandom random) {
    var rows = new ArrayList<Branch>();
    Payload payload = Payload.EMPTY;
    for (int i = random.nextInt(6); i > 0; i--) {
      payload = random.nextBoolean() ? payload : Payload.of(text(random, 8));
      BranchStatus status = one(random, BranchStatus.values());
      rows.add(
          new Branch(
              new BranchKey(text(random, 3), Op.of(one(random, "action", "cancel", "own"))),
              text(random, 10),
              payload,
              status,
              time(random),
              random.nextBoolean() ? null : time(random)));
    }
    var options =
        new Options(
            random.nextBoolean(),
            random.nextInt(100),
            random.nextInt(-1, 2),
            random.nextLong(),
            random.nextBoolean() ? Map.of() : Map.of("a", text(random, 5), text(random, 5), "b"),
            random.nextBoolean(),
            random.nextInt(100));
    var definition =
        new Definition(
            one(random, TransType.values()),
            one(random, "http", "grpc", ""),
            text(random, 5),
            text(random, 5),
            options,
            time(random));
    var state =
        new State(
            one(random, GlobalStatus.values()),
            text(random, 5),
            text(random, 5),
            time(random),
            random.nextBoolean() ? null : time(random),
            new Schedule(Duration.ofSeconds(random.nextInt(100)), time(random)),
            random.nextBoolean() ? Extra.NONE : Extra.NONE.withRetryCount(random.nextInt(9)));
    var owner =
        new Owner(
            one(random, Owner.Mark.values()),
            "server",
            text(random, 16),
            random.nextLong(Long.MAX_VALUE));
    var gid = new Gid("g" + text(random, 5));
    return new Stored(new Transaction(gid, definition, state, rows), owner);
  }

  private static Instant time(SplittableRandom random) {
    return NOW.plusMillis(random.nextInt(3));
  }

  @SafeVarargs
  private static <T> T one(SplittableRandom random, T... choices) {
    return choices[random.nextInt(choices.length)];
  }

  /** Characters of all kinds, surrogates in any order among them. */
  private static String text(SplittableRandom random, int most) {
    var text = new StringBuilder();
    for (int i = random.nextInt(most + 1); i > 0; i--) {
      int bits = one(random, 7, 7, 7, 11, 16);
      text.append(
          random.nextInt(10) == 0
              ? (char) random.nextInt(0xD800, 0xE000)
              : (char) random.nextInt(1 << bits));
    }
    return text.toString();
  }
}
