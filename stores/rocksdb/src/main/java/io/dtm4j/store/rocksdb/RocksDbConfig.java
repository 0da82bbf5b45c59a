package io.dtm4j.store.rocksdb;

import java.nio.file.Path;

/**
 * Where and how the embedded store keeps its data.
 *
 * @param directory one server at a time has it for itself; created when it is not there
 * @param sync whether a commit waits until the disk has it; without, a power cut or a crash of the
 *     machine takes the newest commits back
 */
public record RocksDbConfig(Path directory, boolean sync) {
  public static final RocksDbConfig DEFAULTS = new RocksDbConfig(Path.of("dtm4j-data"), true);
}
