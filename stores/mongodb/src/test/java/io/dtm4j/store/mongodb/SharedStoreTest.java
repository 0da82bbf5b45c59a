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

import com.mongodb.client.MongoClient;
import com.mongodb.client.MongoClients;
import com.mongodb.client.MongoDatabase;
import com.mongodb.client.model.Updates;
import io.dtm4j.model.Batch;
import io.dtm4j.model.Branch;
import io.dtm4j.model.BranchKey;
import io.dtm4j.model.Due;
import io.dtm4j.model.Guard;
import io.dtm4j.model.Owner;
import io.dtm4j.model.Stored;
import io.dtm4j.model.Write;
import io.dtm4j.protocol.BranchStatus;
import io.dtm4j.protocol.Gid;
import io.dtm4j.protocol.GlobalStatus;
import io.dtm4j.protocol.Op;
import io.dtm4j.protocol.Payload;
import io.dtm4j.store.CommitResult;
import io.dtm4j.store.CommitResult.Committed;
import io.dtm4j.store.CommitResult.Lost;
import io.dtm4j.store.Counts;
import io.dtm4j.store.Filter;
import io.dtm4j.store.KeyValue;
import io.dtm4j.store.Page;
import io.dtm4j.store.StoreRejectedException;
import io.dtm4j.store.StoreUnavailableException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.LongSupplier;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.bson.BsonDateTime;
import org.bson.BsonDocument;
import org.bson.BsonInt32;
import org.bson.BsonString;
import org.bson.Document;
import org.bson.RawBsonDocument;
import org.bson.types.ObjectId;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** What a store does that several servers share. */
@Tag("long")
@DisplayNameGeneration(ReplaceUnderscores.class)
abstract class SharedStoreTest {
  private static final int ROUNDS = 200;
  private static final Duration LEASE = Duration.ofHours(1);

  private final List<MongoStore> open = new ArrayList<>();
  private final List<MongoStoreConfig> used = new ArrayList<>();

  /** A database that is empty. */
  abstract MongoStoreConfig newDatabase();

  final MongoStore opened(MongoStoreConfig config) {
    MongoStore store = MongoStore.open(config);
    open.add(store);
    used.add(config);
    return store;
  }

  @AfterEach
  void close() {
    open.forEach(MongoStore::close);
    used.forEach(MongoStore::reset);
    stop();
  }

  /** Nobody needs the server any more. */
  void stop() {}

  /** Two servers on one database. */
  private List<MongoStore> two() {
    MongoStoreConfig config = newDatabase();
    return List.of(opened(config), opened(config));
  }

  /** Past the store. */
  private static void directly(MongoStoreConfig config, Consumer<MongoDatabase> work) {
    try (MongoClient client = MongoClients.create(config.url())) {
      work.accept(client.getDatabase(config.database()));
    }
  }

  /** Both do the same at the same time. */
  private static <T> List<T> race(List<MongoStore> stores, Function<MongoStore, T> work)
      throws Exception {
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
      return results.stream().map(SharedStoreTest::get).toList();
    }
  }

  private static <T> T get(Future<T> future) {
    try {
      return future.get();
    } catch (InterruptedException | ExecutionException e) {
      throw new AssertionError(e);
    }
  }

  private static Stored found(MongoStore store, String gid) {
    return store.find(new Gid(gid)).orElseThrow();
  }

  @Test
  void of_two_servers_that_save_one_gid_in_groups_one_wins_each() throws Exception {
    List<MongoStore> stores = two();
    for (int round = 0; round < ROUNDS / 10; round++) {
      String prefix = "g" + round + "-";
      List<List<CommitResult>> results =
          race(
              stores,
              store -> {
                int number = stores.indexOf(store);
                List<Batch> group =
                    IntStream.range(0, 10)
                        .mapToObj(
                            i -> saveNew(saga(prefix + i, PAST), claim("c" + number + prefix + i)))
                        .collect(Collectors.toCollection(ArrayList::new));
                if (number == 1) {
                  Collections.reverse(group); // so that they get into each other's way
                }
                List<CommitResult> got = new ArrayList<>(store.commit(group));
                if (number == 1) {
                  Collections.reverse(got);
                }
                return got;
              });
      for (int i = 0; i < 10; i++) {
        Stored stored = found(stores.getFirst(), prefix + i);
        int winner = stored.owner().claim().startsWith("c0") ? 0 : 1;
        assertThat(results.get(winner).get(i)).isInstanceOf(Committed.class);
        assertThat(results.get(1 - winner).get(i)).isEqualTo(new Lost(stored));
        assertThat(stored.transaction().branches()).hasSize(2);
      }
    }
  }

  @Test
  void in_a_group_each_pass_hears_whether_its_write_took_effect() throws Exception {
    eachHearsOfItsOwn(
        SharedStoreTest::answeredByPass, stored -> stored.transaction().branches().get(1).isDone());
  }

  @Test
  void in_a_group_each_registration_hears_whether_its_row_is_there() throws Exception {
    eachHearsOfItsOwn(
        gid -> step(gid, "02"), stored -> stored.transaction().branches().size() == 3);
  }

  /** One server writes groups, while the other takes the same transactions over, one by one. */
  private void eachHearsOfItsOwn(Function<String, Batch> batch, Predicate<Stored> tookEffect)
      throws Exception {
    List<MongoStore> stores = two();
    MongoStore grouping = stores.getFirst();
    int committed = 0;
    for (int round = 0; round < ROUNDS / 4; round++) {
      List<String> gids = gids("g" + round + "-", 16);
      grouping.commit(each(gids, gid -> saveNew(saga(gid, FUTURE), claim("a" + gid))));

      List<List<CommitResult>> results =
          race(
              stores,
              store ->
                  store == grouping
                      ? store.commit(each(gids, batch))
                      : gids.reversed().stream()
                          .map(gid -> store.commit(List.of(takenOver(gid))).getFirst())
                          .toList());

      for (int i = 0; i < gids.size(); i++) {
        Stored stored = found(grouping, gids.get(i));
        boolean won = results.get(0).get(i) instanceof Committed;
        committed += won ? 1 : 0;
        assertThat(results.get(1).reversed().get(i)).isEqualTo(new Committed(stored));
        assertThat(stored.owner()).isEqualTo(claim("b" + gids.get(i)));
        assertThat(tookEffect.test(stored)).isEqualTo(won);
        if (!won) {
          assertThat(results.get(0).get(i)).isEqualTo(new Lost(stored));
        }
      }
    }
    assertThat(committed).isPositive();
  }

  private static List<String> gids(String prefix, int count) {
    return IntStream.range(0, count).mapToObj(i -> prefix + i).toList();
  }

  private static List<Batch> each(List<String> gids, Function<String, Batch> batch) {
    return gids.stream().map(batch).toList();
  }

  private static Batch answeredByPass(String gid) {
    return answered(gid, claim("a" + gid));
  }

  private static Batch answered(String gid, Owner held) {
    return new Batch(
        new Gid(gid),
        new Guard.HeldBy(GlobalStatus.SUBMITTED, held),
        held.next(Owner.Mark.LEASED),
        List.of(
            new Write.SetBranch(
                1, new BranchKey("01", Op.ACTION), BranchStatus.SUCCEED, PAST.plusMillis(5))));
  }

  private static Batch takenOver(String gid) {
    return new Batch(
        new Gid(gid),
        new Guard.InStatus(GlobalStatus.SUBMITTED, null, PAST),
        claim("b" + gid),
        List.of(new Write.SetStatus(GlobalStatus.ABORTING, "stopped", null, PAST.plusMillis(6))));
  }

  @Test
  void what_is_due_goes_to_one_of_two_servers() throws Exception {
    List<MongoStore> stores = two();
    stores
        .getFirst()
        .commit(each(gids("g", ROUNDS), gid -> saveNew(saga(gid, PAST), claim("a" + gid))));

    List<List<Stored>> claimed =
        race(
            stores,
            store -> {
              var all = new ArrayList<Stored>();
              List<Stored> some;
              do {
                some =
                    store.claimDue(
                        LEASE, gid -> claim("b" + stores.indexOf(store) + gid.value()), 7);
                all.addAll(some);
              } while (!some.isEmpty());
              return all;
            });

    assertThat(claimed.stream().flatMap(List::stream).map(one -> one.transaction().gid()))
        .hasSize(ROUNDS)
        .doesNotHaveDuplicates();
  }

  @Test
  void of_two_servers_that_claim_what_they_have_read_one_wins() throws Exception {
    List<MongoStore> stores = two();
    for (int round = 0; round < ROUNDS / 4; round++) {
      Batch save = saveNew(saga("g" + round, FUTURE), claim("a" + round));
      stores.getFirst().commit(List.of(save));
      Due due = Due.of(stores.getFirst().find(save.gid()).orElseThrow());

      List<Integer> counts =
          race(
              stores,
              store ->
                  store
                      .claim(List.of(due), LEASE, gid -> claim("b" + stores.indexOf(store) + gid))
                      .size());

      assertThat(counts.get(0) + counts.get(1)).isEqualTo(1);
    }
  }

  @Test
  void of_two_servers_that_create_or_update_a_value_one_wins() throws Exception {
    List<MongoStore> stores = two();
    for (int round = 0; round < ROUNDS / 4; round++) {
      String key = "k" + round;

      assertThat(race(stores, store -> store.createKeyValue("c", key, "v")))
          .containsExactlyInAnyOrder(true, false);
      assertThat(race(stores, store -> store.updateKeyValue("c", key, "w", 1)))
          .containsExactlyInAnyOrder(true, false);
      assertThat(race(stores, store -> store.deleteKeyValue("c", key)))
          .containsExactlyInAnyOrder(true, false);
    }
  }

  @Test
  void groups_that_change_the_same_documents_all_come_to_their_end() throws Exception {
    List<MongoStore> stores = two();
    int count = 20;
    int rounds = ROUNDS / 4;
    stores
        .getFirst()
        .commit(each(gids("g", count), gid -> saveNew(saga(gid, FUTURE), claim("a" + gid))));

    race(
        stores,
        store -> {
          int number = stores.indexOf(store);
          for (int round = 0; round < rounds; round++) {
            String branch = "s" + number + "-" + round;
            var group = new ArrayList<>(each(gids("g", count), gid -> step(gid, branch)));
            Collections.shuffle(group, new Random(31L * round + number));
            assertThat(store.commit(group)).allMatch(result -> result instanceof Committed);
          }
          return true;
        });

    for (String gid : gids("g", count)) {
      assertThat(found(stores.getFirst(), gid).transaction().branches()).hasSize(2 + 2 * rounds);
    }
  }

  @Test
  void servers_that_open_an_empty_database_at_the_same_time_share_it() throws Exception {
    for (int round = 0; round < 20; round++) {
      MongoStoreConfig config = newDatabase();
      var start = new CyclicBarrier(4);
      try (var threads = Executors.newFixedThreadPool(4)) {
        List<Future<MongoStore>> opening =
            IntStream.range(0, 4)
                .mapToObj(
                    _ ->
                        threads.submit(
                            () -> {
                              start.await();
                              return MongoStore.open(config);
                            }))
                .toList();
        List<MongoStore> stores = opening.stream().map(SharedStoreTest::get).toList();
        open.addAll(stores);
        used.add(config);
        stores.getFirst().commit(List.of(saveNew(saga("g", PAST), claim("a"))));
        assertThat(stores).allMatch(store -> store.find(new Gid("g")).isPresent());
      }
    }
  }

  @Test
  void a_format_of_a_newer_version_is_refused_and_left_alone() {
    MongoStoreConfig config = newDatabase();
    opened(config).commit(List.of(saveNew(saga("g", FUTURE), claim("c"))));
    directly(
        config,
        database ->
            database
                .getCollection(Database.META)
                .updateOne(new Document("_id", "format"), Updates.set("format", 99)));

    assertThatExceptionOfType(StoreUnavailableException.class)
        .isThrownBy(() -> MongoStore.open(config))
        .withMessageContaining("format 99")
        .withMessageContaining("a newer version of dtm4j has made them");
    directly(
        config,
        database ->
            assertThat(database.getCollection(Database.META).find(new Document("_id", "format")))
                .allMatch(format -> format.getInteger("format") == 99));
  }

  @Test
  void members_of_a_newer_version_stay_whatever_is_written() {
    MongoStoreConfig config = newDatabase();
    MongoStore store = opened(config);
    store.commit(List.of(saveNew(saga("g", FUTURE), claim("a"))));
    directly(
        config,
        database ->
            database
                .getCollection(Database.TRANSACTIONS)
                .updateOne(
                    new Document("_id", "g"),
                    Updates.combine(
                        Updates.set("newer", "x"),
                        Updates.set("branches.1.newer", "y"),
                        Updates.set("options.newer", "z"),
                        Updates.set("ext_data", "{\"other\":{\"a\":1.50}}"))));

    store.commit(List.of(answered("g", claim("a")))); // without reading
    store.commit(List.of(step("g", "02"))); // with reading
    store.claim(List.of(Due.of(found(store, "g"))), LEASE, _ -> claim("b"));
    store.commit(List.of(end("g", claim("b"))));

    assertThat(found(store, "g").transaction().status()).isEqualTo(GlobalStatus.SUCCEED);
    directly(
        config,
        database -> {
          BsonDocument document =
              database
                  .getCollection(Database.TRANSACTIONS, BsonDocument.class)
                  .find(new Document("_id", "g"))
                  .into(new ArrayList<>())
                  .getFirst();
          assertThat(document.get("newer")).isEqualTo(new BsonString("x"));
          assertThat(document.getArray("branches").get(1).asDocument().get("newer"))
              .isEqualTo(new BsonString("y"));
          assertThat(document.getDocument("options").get("newer")).isEqualTo(new BsonString("z"));
          assertThat(document.getString("ext_data").getValue())
              .contains("\"other\":{\"a\":1.50}", "\"dirty\":true");
        });
  }

  @Test
  void a_payload_that_rows_share_is_kept_once() {
    MongoStoreConfig config = newDatabase();
    MongoStore store = opened(config);
    Payload payload = Payload.of(new byte[100_000]);
    List<Branch> rows =
        IntStream.range(0, 10)
            .mapToObj(
                i -> Branch.open(new BranchKey("0" + i, Op.ACTION), "http://host", payload, PAST))
            .toList();

    store.commit(List.of(saveNew(Sagas.withRows(saga("g", PAST), rows), claim("a"))));

    assertThat(found(store, "g").transaction().branches()).isEqualTo(rows);
    directly(
        config,
        database ->
            assertThat(
                    database
                        .getCollection(Database.TRANSACTIONS, RawBsonDocument.class)
                        .find()
                        .map(document -> document.getByteBuffer().remaining())
                        .first())
                .isLessThan(110_000));
  }

  @Test
  void what_no_document_can_hold_is_refused_with_its_group_and_not_found() {
    MongoStore store = opened(newDatabase());
    Batch good = saveNew(saga("good", PAST), claim("c1"));
    for (String gid : List.of("half \uD83D", "\uDE42 half")) {
      Batch broken = saveNew(saga(gid, PAST), claim("c2"));

      assertThatExceptionOfType(StoreRejectedException.class)
          .isThrownBy(() -> store.commit(List.of(good, broken)));
      assertThat(store.find(new Gid(gid))).isEmpty();
    }
    Batch large = saveNew(Sagas.withData(saga("large", PAST), 17 << 20), claim("c3"));

    assertThatExceptionOfType(StoreRejectedException.class)
        .isThrownBy(() -> store.commit(List.of(good, large)))
        .withMessageContaining("bytes");

    assertThat(store.find(new Gid("good"))).isEmpty();
    assertThat(store.list(Filter.ALL, "", 10).items()).isEmpty();
  }

  @Test
  void a_claim_of_large_records_takes_some_at_a_time() {
    MongoStore store = opened(newDatabase());
    for (int i = 0; i < 5; i++) {
      Branch large =
          Branch.open(
              new BranchKey("01", Op.ACTION), "http://host", Payload.of(new byte[4 << 20]), PAST);
      store.commit(
          List.of(saveNew(Sagas.withRows(saga("g" + i, PAST), List.of(large)), claim("a" + i))));
    }
    List<Due> dues = store.dueBefore(FUTURE, null, 10);

    List<Stored> claimed = store.claimDue(LEASE, gid -> claim("b" + gid), 10);
    List<Stored> rest = store.claim(dues, LEASE, gid -> claim("c" + gid));

    assertThat(claimed).hasSize(2);
    assertThat(rest).isNotEmpty().hasSizeLessThan(4);
    assertThat(claimed).extracting(one -> one.transaction().gid()).contains(new Gid("g0"));
  }

  @Test
  void a_page_that_looks_at_too_much_is_short_and_goes_on() {
    MongoStore store = opened(newDatabase());
    for (int i = 0; i < 6; i++) {
      store.commit(List.of(saveNew(Sagas.withData(saga("g" + i, PAST), 2 << 20), claim("a" + i))));
    }

    var gids = new ArrayList<String>();
    String cursor = "";
    int pages = 0;
    do {
      var page = store.list(Filter.ALL, cursor, 100);
      page.items().forEach(one -> gids.add(one.gid().value()));
      cursor = page.next();
      pages++;
    } while (!cursor.isEmpty());

    assertThat(gids).containsExactly("g5", "g4", "g3", "g2", "g1", "g0");
    assertThat(pages).isEqualTo(2);
  }

  @Test
  void a_document_that_makes_no_sense_stops_no_other() {
    MongoStoreConfig config = newDatabase();
    MongoStore store = opened(config);
    store.commit(each(gids("g", 3), gid -> saveNew(saga(gid, PAST), claim("a" + gid))));
    directly(
        config,
        database ->
            database
                .getCollection(Database.TRANSACTIONS)
                .updateOne(new Document("_id", "g1"), Updates.set("trans_type", "of the future")));

    assertThat(store.claimDue(LEASE, gid -> claim("b" + gid), 10))
        .extracting(one -> one.transaction().gid().value())
        .containsExactly("g0", "g2");
    assertThat(store.list(Filter.ALL, "", 10).items())
        .extracting(one -> one.gid().value())
        .containsExactly("g2", "g0");
    assertThatExceptionOfType(StoreUnavailableException.class)
        .isThrownBy(() -> store.find(new Gid("g1")))
        .withMessageContaining("g1");
    assertThatExceptionOfType(StoreRejectedException.class)
        .isThrownBy(() -> store.commit(List.of(step("g1", "02"), step("g2", "02"))));
    assertThat(found(store, "g2").transaction().branches()).hasSize(2);
  }

  @Test
  void a_document_whose_owner_makes_no_sense_stops_no_other() {
    MongoStoreConfig config = newDatabase();
    MongoStore store = opened(config);
    store.commit(each(gids("g", 4), gid -> saveNew(saga(gid, PAST), claim("a" + gid))));
    for (String gid : List.of("g0", "g1")) {
      directly(
          config,
          database ->
              database
                  .getCollection(Database.TRANSACTIONS)
                  .updateOne(
                      new Document("_id", gid),
                      gid.equals("g0")
                          ? Updates.set("owner", "nobody")
                          : Updates.set("owner.mark", "of the future")));
    }

    assertThat(store.dueBefore(FUTURE, null, 1))
        .extracting(due -> due.gid().value())
        .containsExactly("g2");
    assertThat(store.claimDue(LEASE, gid -> claim("b" + gid), 10))
        .extracting(one -> one.transaction().gid().value())
        .containsExactly("g2", "g3");
    assertThat(store.counts().unfinished()).isEqualTo(4); // nothing is thrown away
  }

  /** One that is due, g0, and one that has ended, g1, among these documents of somebody else. */
  private MongoStore among(Document... foreign) {
    MongoStoreConfig config = newDatabase();
    MongoStore store = opened(config);
    store.commit(
        List.of(saveNew(saga("g0", PAST), claim("a0")), saveNew(saga("g1", PAST), claim("a1"))));
    store.commit(List.of(end("g1", claim("a1"))));
    directly(
        config,
        database -> database.getCollection(Database.TRANSACTIONS).insertMany(List.of(foreign)));
    return store;
  }

  @Test
  void a_document_whose_id_is_no_gid_stops_no_other() {
    var time = new BsonDateTime(1);
    MongoStore store =
        among(
            new Document("_id", new ObjectId())
                .append("unfinished", true)
                .append("next_cron_time", time)
                .append("seq", 7L),
            new Document("_id", new ObjectId()).append("end_time", time).append("seq", 8L),
            new Document("_id", "x".repeat(200)).append("end_time", time).append("seq", 9L));

    assertThat(store.dueBefore(FUTURE, null, 10)).hasSize(1);
    assertThat(store.claimDue(LEASE, gid -> claim("b" + gid), 10)).hasSize(1);
    assertThat(store.list(Filter.ALL, "", 10).items()).hasSize(2);
    assertThat(store.endedBefore(FUTURE, "", 10).items()).containsExactly(new Gid("g1"));
    Page<Gid> first = store.endedBefore(FUTURE, "", 2);
    assertThat(first.items()).isEmpty();
    assertThat(store.endedBefore(FUTURE, first.next(), 2).items()).hasSize(1);
    assertThat(store.oldestUnfinished()).isEqualTo(PAST);
  }

  @Test
  void a_document_without_a_number_or_a_time_stops_no_other() {
    var time = new BsonDateTime(PAST.toEpochMilli() + 1);
    MongoStore store =
        among(
            new Document("_id", "x").append("unfinished", true).append("next_cron_time", time),
            new Document("_id", "y").append("unfinished", true).append("seq", 7L),
            new Document("_id", "z").append("end_time", time));

    assertThat(store.oldestUnfinished()).isEqualTo(PAST);
    assertThat(store.counts()).isEqualTo(new Counts(3, PAST)); // nothing is thrown away
    assertThat(store.endedBefore(FUTURE, "", 1).items()).containsExactly(new Gid("g1"));
    assertThat(store.claimDue(LEASE, gid -> claim("b" + gid), 10)).hasSize(1);
  }

  @Test
  void a_number_that_is_a_text_keeps_no_store_from_opening() {
    MongoStore store = among(new Document("_id", "x").append("seq", "y"));

    assertThat(opened(used.getLast()).list(Filter.ALL, "", 10).items()).hasSize(2);
    assertThat(store.list(Filter.ALL, "", 10).items()).hasSize(2);
  }

  @Test
  void a_value_that_makes_no_sense_stops_no_other() {
    MongoStoreConfig config = newDatabase();
    MongoStore store = opened(config);
    store.createKeyValue("topics", "a", "1");
    store.createKeyValue("topics", "c", "3");
    directly(
        config,
        database ->
            database
                .getCollection(Database.KEY_VALUES)
                .insertMany(
                    List.of(
                        new Document("category", "topics").append("key", "b"),
                        new Document("category", "topics").append("key", 7),
                        new Document("category", 7))));

    assertThat(store.findKeyValues("topics", null)).hasSize(2);
    assertThat(store.findKeyValue("topics", "b")).isEmpty();
    Page<KeyValue> first = store.listKeyValues(null, "", 2);
    assertThat(first.items()).extracting(KeyValue::key).containsExactly("a");
    assertThat(store.listKeyValues(null, first.next(), 2).items())
        .extracting(KeyValue::key)
        .containsExactly("c");
  }

  @Test
  void nothing_is_claimed_while_the_time_of_the_primary_is_not_known() throws Exception {
    var lasts = new AtomicBoolean();
    var nanos = new AtomicLong();
    LongSupplier nanoTime =
        () -> nanos.addAndGet(lasts.get() ? TimeUnit.SECONDS.toNanos(31) : 1_000);
    MongoStoreConfig config = newDatabase();
    opened(config).commit(List.of(saveNew(saga("g", PAST), claim("a"))));
    try (MongoStore store = MongoStore.open(config, nanoTime)) {
      List<Due> dues = store.dueBefore(FUTURE, null, 1);

      lasts.set(true); // each answer takes longer than it counts
      assertThat(store.claimDue(LEASE, gid -> claim("b"), 10)).isEmpty();
      assertThat(store.claim(dues, LEASE, gid -> claim("c"))).isEmpty();

      lasts.set(false);
      nanos.addAndGet(TimeUnit.SECONDS.toNanos(10));
      long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
      List<Stored> claimed = List.of();
      while (claimed.isEmpty() && System.nanoTime() < end) {
        TimeUnit.MILLISECONDS.sleep(100);
        claimed = store.claimDue(LEASE, gid -> claim("d"), 10);
      }
      assertThat(claimed).hasSize(1);
    }
  }

  @Test
  void where_much_is_unfinished_the_number_is_kept_for_fifty_times_what_counting_took() {
    var nanos = new AtomicLong();
    var backlog = new Backlog(() -> nanos.addAndGet(TimeUnit.MILLISECONDS.toNanos(100)), 1);
    assertThat(backlog.unfinished(() -> 1)).isEqualTo(1);
    assertThat(backlog.unfinished(() -> 2)).as("few are counted anew").isEqualTo(2);

    assertThat(backlog.unfinished(() -> 3)).isEqualTo(2);
    nanos.addAndGet(TimeUnit.SECONDS.toNanos(5));
    assertThat(backlog.unfinished(() -> 1)).isEqualTo(1);
  }

  @Test
  void what_the_server_never_takes_is_rejected_alone() {
    MongoStoreConfig config = newDatabase();
    MongoStore store = opened(config);
    store.commit(each(gids("g", 3), gid -> saveNew(saga(gid, FUTURE), claim("a" + gid))));
    directly(
        config,
        database ->
            database
                .getCollection(Database.TRANSACTIONS)
                .updateOne(new Document("_id", "g1"), Updates.set("writes", "no list")));

    List<CommitResult> results = store.commit(each(gids("g", 3), SharedStoreTest::answeredByPass));

    assertThat(results.get(0)).isInstanceOf(Committed.class);
    assertThat(results.get(1)).isInstanceOf(CommitResult.Rejected.class);
    assertThat(results.get(2)).isInstanceOf(Committed.class);
    assertThat(found(store, "g2").transaction().branches().get(1).isDone()).isTrue();
    assertThat(store.trouble()).isNull();
  }

  @Test
  void a_reset_deletes_what_is_ours_and_nothing_else() {
    MongoStoreConfig config = newDatabase();
    MongoStore store = opened(config);
    store.commit(List.of(saveNew(saga("g", PAST), claim("a"))));
    store.createKeyValue("c", "k", "v");
    directly(
        config,
        database ->
            database
                .getCollection("others", BsonDocument.class)
                .insertOne(new BsonDocument("a", new BsonInt32(1))));

    MongoStore.reset(config);

    directly(
        config,
        database -> {
          assertThat(database.listCollectionNames()).containsExactly("others");
          assertThat(database.getCollection("others").countDocuments()).isEqualTo(1);
          database.getCollection("others").drop();
        });
    MongoStore again = opened(config);
    assertThat(again.list(Filter.ALL, "", 10).items()).isEmpty();
    assertThat(again.findKeyValues(null, null)).isEmpty();
  }
}
