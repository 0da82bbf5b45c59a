package io.dtm4j.store.mongodb;

import static io.dtm4j.store.mongodb.Sagas.FUTURE;
import static io.dtm4j.store.mongodb.Sagas.PAST;
import static io.dtm4j.store.mongodb.Sagas.claim;
import static io.dtm4j.store.mongodb.Sagas.end;
import static io.dtm4j.store.mongodb.Sagas.saga;
import static io.dtm4j.store.mongodb.Sagas.saveNew;
import static io.dtm4j.store.mongodb.Sagas.step;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.dtm4j.model.Batch;
import io.dtm4j.model.Guard;
import io.dtm4j.model.Owner;
import io.dtm4j.model.Write;
import io.dtm4j.protocol.BranchStatus;
import io.dtm4j.protocol.Gid;
import io.dtm4j.protocol.GlobalStatus;
import io.dtm4j.store.CommitResult.Committed;
import io.dtm4j.store.OutcomeUnknownException;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** The same on the server in memory, which can be listened to. */
class MongoStoreTest extends SharedStoreTest {
  private final MemoryServer server = new MemoryServer();

  @Override
  MongoStoreConfig newDatabase() {
    return server.newDatabase();
  }

  @Override
  void stop() {
    server.close();
  }

  private static Batch answered(String gid) {
    return new Batch(
        new Gid(gid),
        new Guard.HeldBy(GlobalStatus.SUBMITTED, claim("c" + gid)),
        claim("c" + gid).next(Owner.Mark.LEASED),
        List.of(
            new Write.SetBranch(
                1, saga(gid, FUTURE).branches().get(1).key(), BranchStatus.SUCCEED, PAST)));
  }

  @Test
  void what_passes_write_to_what_they_hold_is_one_command() {
    MongoStore store = opened(newDatabase());
    List<String> gids = IntStream.range(0, 20).mapToObj(i -> "g" + i).toList();
    server.commands();

    store.commit(gids.stream().map(gid -> saveNew(saga(gid, FUTURE), claim("c" + gid))).toList());
    assertThat(server.commands()).containsExactly("update");

    assertThat(store.commit(gids.stream().map(MongoStoreTest::answered).toList()))
        .allMatch(result -> result instanceof Committed);
    assertThat(server.commands()).containsExactly("update");

    store.commit(
        gids.stream().map(gid -> end(gid, claim("c" + gid).next(Owner.Mark.LEASED))).toList());
    assertThat(server.commands()).containsExactly("update");
    assertThat(store.find(new Gid("g7")).orElseThrow().transaction().branches().get(1).isDone())
        .isTrue();
    assertThat(store.counts().unfinished()).isZero();
  }

  @Test
  void rows_that_are_not_known_are_read_once() {
    MongoStoreConfig config = newDatabase();
    opened(config).commit(List.of(saveNew(saga("g", FUTURE), claim("cg"))));
    MongoStore other = opened(config);
    server.commands();

    other.commit(List.of(answered("g")));

    assertThat(server.commands()).containsExactly("find", "update");
    other.commit(List.of(end("g", claim("cg").next(Owner.Mark.LEASED))));
    assertThat(server.commands()).containsExactly("update");
  }

  @Test
  void groups_whose_answers_are_lost_are_stored_once() {
    MongoStore store = opened(newDatabase());
    List<Batch> created =
        List.of(
            saveNew(saga("g1", FUTURE), claim("cg1")), saveNew(saga("g2", FUTURE), claim("c2")));
    List<Batch> changed = List.of(answered("g1"), step("g2", "02"));
    for (List<Batch> group : List.of(created, changed)) {
      server.loseAnswers(2);
      for (int i = 0; i < 2; i++) {
        assertThatExceptionOfType(OutcomeUnknownException.class)
            .isThrownBy(() -> store.commit(group));
        assertThat(store.trouble()).contains("cannot be written since");
      }

      assertThat(store.commit(group)).hasSize(2).allMatch(result -> result instanceof Committed);
      assertThat(store.trouble()).isNull();
    }
    assertThat(store.find(new Gid("g1")).orElseThrow().owner().revision()).isEqualTo(2);
    assertThat(store.find(new Gid("g2")).orElseThrow().transaction().branches()).hasSize(3);
  }

  @Test
  void what_no_majority_has_in_time_is_not_committed_until_one_has() {
    MongoStore store = opened(newDatabase());
    Batch save = saveNew(saga("g", FUTURE), claim("cg"));
    for (Batch batch : List.of(save, answered("g"), step("g", "02"))) {
      server.missMajorities(2);
      for (int i = 0; i < 2; i++) {
        assertThatExceptionOfType(OutcomeUnknownException.class)
            .isThrownBy(() -> store.commit(List.of(batch)))
            .withMessageContaining("waiting for replication timed out");
      }

      assertThat(store.commit(List.of(batch))).allMatch(result -> result instanceof Committed);
    }
    assertThat(store.find(new Gid("g")).orElseThrow().owner().revision()).isEqualTo(2);
    assertThat(store.find(new Gid("g")).orElseThrow().transaction().branches()).hasSize(3);
  }

  /** What stands in memory of one server may be lost with it: it is written before it is told. */
  @Test
  void a_batch_that_finds_its_own_token_is_confirmed_by_a_write() {
    MongoStore store = opened(newDatabase());
    Batch save = saveNew(saga("g", FUTURE), claim("c"));
    store.commit(List.of(save));
    server.commands();

    assertThat(store.commit(List.of(save))).allMatch(result -> result instanceof Committed);

    assertThat(server.commands()).containsExactly("update", "find", "update");
  }
}
