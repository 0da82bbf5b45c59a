package io.dtm4j.store.rocksdb;

import io.dtm4j.protocol.TransType;
import io.dtm4j.store.StoreUnavailableException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Properties;
import java.util.Set;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.rocksdb.BlockBasedTableConfig;
import org.rocksdb.BloomFilter;
import org.rocksdb.ColumnFamilyDescriptor;
import org.rocksdb.ColumnFamilyHandle;
import org.rocksdb.ColumnFamilyOptions;
import org.rocksdb.CompressionType;
import org.rocksdb.DBOptions;
import org.rocksdb.FlushOptions;
import org.rocksdb.InfoLogLevel;
import org.rocksdb.LRUCache;
import org.rocksdb.Options;
import org.rocksdb.ReadOptions;
import org.rocksdb.RocksDB;
import org.rocksdb.RocksDBException;
import org.rocksdb.RocksIterator;
import org.rocksdb.RocksObject;
import org.rocksdb.Slice;
import org.rocksdb.Snapshot;
import org.rocksdb.WriteBatch;
import org.rocksdb.WriteOptions;

/**
 * RocksDB with our column families, opened. All native objects of it are owned here and closed in
 * {@link #close}; nothing may run or follow then, a native use after that kills the process.
 */
final class Database implements RowSource, AutoCloseable {
  static {
    RocksDB.loadLibrary();
  }

  /** Which layout of rows and keys this is; the meta row {@code format} says what is stored. */
  static final int FORMAT = 2;

  private static final String GIDS = "gids";
  private static final String DEFINITIONS = "definitions";
  private static final String STATES = "states";
  private static final String ROLLBACKS = "rollbacks";
  private static final String DUE = "due";
  private static final String VALUES = "values";
  private static final List<String> FAMILIES =
      List.of("default", GIDS, DEFINITIONS, STATES, ROLLBACKS, DUE, VALUES);

  private static final byte[] FORMAT_KEY = "format".getBytes(StandardCharsets.UTF_8);
  private static final byte[] NEWEST_KEY = "newest".getBytes(StandardCharsets.UTF_8);
  private static final byte[] LAG_KEY = "lag".getBytes(StandardCharsets.UTF_8);

  private static final long MEGABYTE = 1 << 20;
  private static final long WRITE_BUFFER = 32 * MEGABYTE;
  private static final int WRITE_BUFFERS = 4;
  private static final long BLOCK_CACHE = 32 * MEGABYTE;
  private static final int BLOOM_BITS = 10;

  /** Bounds what an opening has to replay; some ten seconds of full load. */
  private static final long MAX_LOG = 128 * MEGABYTE;

  /** Has no setter. */
  private static final Properties FILTER_IN_MEMORY = new Properties();

  static {
    FILTER_IN_MEMORY.setProperty("memtable_whole_key_filtering", "true");
    FILTER_IN_MEMORY.setProperty("memtable_prefix_bloom_size_ratio", "0.1");
  }

  private final List<RocksObject> owned = new ArrayList<>();
  private final RocksDB rocks;
  private final WriteOptions writeOptions;
  private final ReadOptions readOptions;

  /** Null, but in tests of a power cut. */
  private final @Nullable SyncedLengths syncedLengths;

  private final ColumnFamilyHandle meta;
  final ColumnFamilyHandle gids;
  final ColumnFamilyHandle definitions;
  final ColumnFamilyHandle states;
  final ColumnFamilyHandle rollbacks;
  final ColumnFamilyHandle due;
  final ColumnFamilyHandle values;

  /**
   * Opens it. What the log replays is on disk when this returns: RocksDB flushes it during
   * recovery, which must stay so (docs/architecture.md, R6).
   *
   * @param create whether it is made when it is not there
   */
  Database(Path directory, boolean sync, boolean create) throws RocksDBException {
    syncedLengths = sync ? SyncedLengths.of(directory) : null;
    try {
      List<String> families = familiesIn(directory);
      var descriptors = new ArrayList<ColumnFamilyDescriptor>();
      var blockCache = own(new LRUCache(BLOCK_CACHE));
      for (String name : families) {
        descriptors.add(new ColumnFamilyDescriptor(bytes(name), options(name, blockCache)));
      }
      DBOptions options =
          own(new DBOptions())
              .setCreateIfMissing(create)
              .setCreateMissingColumnFamilies(true)
              .setMaxBackgroundJobs(2)
              .setMaxTotalWalSize(MAX_LOG)
              .setAvoidFlushDuringRecovery(false)
              .setInfoLogLevel(InfoLogLevel.WARN_LEVEL)
              .setKeepLogFileNum(3)
              .setStatsDumpPeriodSec(0);
      writeOptions = own(new WriteOptions()).setSync(sync);
      readOptions = own(new ReadOptions());

      var handles = new ArrayList<ColumnFamilyHandle>();
      rocks = own(RocksDB.open(options, directory.toString(), descriptors, handles));
      handles.forEach(this::own);
      meta = handles.get(families.indexOf("default"));
      gids = handles.get(families.indexOf(GIDS));
      definitions = handles.get(families.indexOf(DEFINITIONS));
      states = handles.get(families.indexOf(STATES));
      rollbacks = handles.get(families.indexOf(ROLLBACKS));
      due = handles.get(families.indexOf(DUE));
      values = handles.get(families.indexOf(VALUES));
      checkFormat(directory);
    } catch (RocksDBException | RuntimeException e) {
      close();
      throw e;
    }
  }

  private ColumnFamilyOptions options(String family, LRUCache blockCache) {
    BlockBasedTableConfig tables =
        new BlockBasedTableConfig()
            .setBlockCache(blockCache)
            // A filter that fits no shard of a small cache would be read again by every get.
            .setCacheIndexAndFilterBlocks(false);
    ColumnFamilyOptions options;
    if (family.equals(GIDS)) {
      // Who looks for a gid mostly finds none; rows by number are only read when they are there.
      tables.setFilterPolicy(own(new BloomFilter(BLOOM_BITS)));
      options = own(ColumnFamilyOptions.getColumnFamilyOptionsFromProps(FILTER_IN_MEMORY));
    } else {
      options = own(new ColumnFamilyOptions());
    }
    return options
        .setTableFormatConfig(tables)
        .setCompressionType(CompressionType.LZ4_COMPRESSION)
        .setWriteBufferSize(WRITE_BUFFER)
        .setMaxWriteBufferNumber(WRITE_BUFFERS);
  }

  /** Ours, and any that a newer server has made: RocksDB opens all or none. */
  private static List<String> familiesIn(Path directory) throws RocksDBException {
    Set<String> names = new LinkedHashSet<>(FAMILIES);
    if (Files.exists(directory.resolve("CURRENT"))) {
      try (var options = new Options()) {
        for (byte[] name : RocksDB.listColumnFamilies(options, directory.toString())) {
          names.add(new String(name, StandardCharsets.UTF_8));
        }
      }
    }
    return List.copyOf(names);
  }

  private void checkFormat(Path directory) throws RocksDBException {
    byte[] row = get(meta, FORMAT_KEY);
    long format = row == null ? FORMAT : new RowReader(row, 0).number();
    if (format > FORMAT) {
      throw new StoreUnavailableException(
          "data in "
              + directory
              + " has format "
              + format
              + " (expected: at most "
              + FORMAT
              + "): a newer server wrote it; start that one",
          null);
    }
    if (row == null) {
      try (var batch = new WriteBatch()) {
        putFormat(batch, FORMAT);
        write(batch);
      }
    } else if (format < FORMAT) {
      new Format1(this).upgrade();
    }
  }

  void putFormat(WriteBatch batch, int format) throws RocksDBException {
    batch.put(meta, FORMAT_KEY, new RowWriter().number(format).copy());
  }

  @Override
  public byte @Nullable [] get(ColumnFamilyHandle family, byte[] key) throws RocksDBException {
    return rocks.get(family, readOptions, key);
  }

  /** Durable on return, if this database syncs. */
  void write(WriteBatch batch) throws RocksDBException {
    rocks.write(writeOptions, batch);
    if (syncedLengths != null) {
      syncedLengths.note();
    }
  }

  /** The newest time that was stored, or the epoch. */
  Instant newest() throws RocksDBException {
    byte[] row = get(meta, NEWEST_KEY);
    return row == null ? Instant.EPOCH : new RowReader(row, 0).time();
  }

  void putNewest(WriteBatch batch, RowWriter writer, Instant time) throws RocksDBException {
    batch.put(meta, NEWEST_KEY, writer.clear().time(time).copy());
  }

  /** The largest lag ({@link Numbers}) of all that is stored. */
  static long lag(RowSource source, Database families) throws RocksDBException {
    byte[] row = source.get(families.meta, LAG_KEY);
    return row == null ? 0 : new RowReader(row, 0).number();
  }

  void putLag(WriteBatch batch, RowWriter writer, long lag) throws RocksDBException {
    batch.put(meta, LAG_KEY, writer.clear().number(lag).copy());
  }

  /** The place of the transaction that was stored last, or 0. */
  long lastPlace() throws RocksDBException {
    long last = 0;
    var keys = new Keys();
    try (View view = view()) {
      for (TransType type : DefinitionRow.TYPES) {
        byte[] from = keys.number(Numbers.of(type, 0));
        byte[] end = keys.number(Numbers.of(type, Numbers.END));
        try (Backward rows = view.backward(states, from, end)) {
          last = rows.isAtEnd() ? last : Math.max(last, Numbers.place(Keys.numberOf(rows.key())));
        }
      }
    }
    return last;
  }

  /** Reads as of one moment. To be closed before the database, as all it gives. */
  View view() {
    return new View();
  }

  private <T extends RocksObject> T own(T object) {
    owned.add(object);
    return object;
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  /** Puts all into tables, so that the next opening has nothing to replay. */
  void flush() throws RocksDBException {
    try (var options = new FlushOptions()) {
      rocks.flush(options, List.of(meta, gids, definitions, states, rollbacks, due, values));
    }
  }

  @Override
  public void close() {
    for (RocksObject object : owned.reversed()) {
      object.close();
    }
    owned.clear();
    if (syncedLengths != null) {
      syncedLengths.close();
    }
  }

  /** The database as of one moment. */
  final class View implements RowSource, AutoCloseable {
    private final Snapshot snapshot = rocks.getSnapshot();
    private final ReadOptions options = new ReadOptions().setSnapshot(snapshot);

    @Override
    public byte @Nullable [] get(ColumnFamilyHandle family, byte[] key) throws RocksDBException {
      return rocks.get(family, options, key);
    }

    /**
     * Walks through rows in the order of their keys.
     *
     * @param from the first key, if there is such a row
     * @param end the walk ends before this key; null: at the last row. Deleted rows behind it cost
     *     nothing
     */
    void scan(ColumnFamilyHandle family, byte[] from, byte @Nullable [] end, Visitor visitor)
        throws RocksDBException {
      try (var bound = new Slice(end == null ? new byte[0] : end);
          var scanOptions = new ReadOptions(options)) {
        if (end != null) {
          scanOptions.setIterateUpperBound(bound);
        }
        try (RocksIterator rows = rocks.newIterator(family, scanOptions)) {
          rows.seek(from);
          while (rows.isValid() && visitor.visit(rows.key(), rows.value())) {
            rows.next();
          }
          rows.status();
        }
      }
    }

    /**
     * How many rows a family has. Their values are not copied, as in {@link #scan}, which takes
     * twice as long: an opening waits for this.
     *
     * @param mark whose value begins with it
     * @param marked is told its key
     */
    long count(ColumnFamilyHandle family, byte mark, Consumer<byte[]> marked)
        throws RocksDBException {
      var start = ByteBuffer.allocateDirect(1);
      long count = 0;
      try (RocksIterator rows = rocks.newIterator(family, options)) {
        for (rows.seekToFirst(); rows.isValid(); rows.next()) {
          count++;
          rows.value(start.clear());
          if (start.get(0) == mark) {
            marked.accept(rows.key());
          }
        }
        rows.status();
      }
      return count;
    }

    /** Rows from the last one before a key back to another key. To be closed before this. */
    Backward backward(ColumnFamilyHandle family, byte[] from, byte[] end) throws RocksDBException {
      return new Backward(rocks, family, snapshot, from, end);
    }

    @Override
    public void close() {
      options.close();
      rocks.releaseSnapshot(snapshot);
    }
  }

  /** A walk from the last key to the first. */
  static final class Backward implements AutoCloseable {
    private final Slice lower;
    private final Slice upper;
    private final ReadOptions options;
    private final RocksIterator rows;

    private Backward(
        RocksDB rocks, ColumnFamilyHandle family, Snapshot snapshot, byte[] from, byte[] end)
        throws RocksDBException {
      lower = new Slice(from);
      upper = new Slice(end);
      options =
          new ReadOptions()
              .setSnapshot(snapshot)
              .setIterateLowerBound(lower)
              .setIterateUpperBound(upper);
      rows = rocks.newIterator(family, options);
      rows.seekToLast();
      check();
    }

    boolean isAtEnd() {
      return !rows.isValid();
    }

    byte[] key() {
      return rows.key();
    }

    byte[] value() {
      return rows.value();
    }

    void next() throws RocksDBException {
      rows.prev();
      check();
    }

    private void check() throws RocksDBException {
      if (!rows.isValid()) {
        rows.status();
      }
    }

    @Override
    public void close() {
      rows.close();
      options.close();
      lower.close();
      upper.close();
    }
  }

  /** Sees one row after another. */
  interface Visitor {
    /** Whether to go on. */
    boolean visit(byte[] key, byte[] value) throws RocksDBException;
  }
}
