package io.dtm4j.databases;

import java.util.Map;

/** A server on this machine that keeps transactions, which a test starts and ends. */
public interface StoreServer {
  /**
   * Makes room for transactions that nobody else sees.
   *
   * @param name of a database, or what takes its place
   * @return the settings with which dtm4j finds it, by their names in the environment
   */
  Map<String, String> create(String name) throws Exception;

  /** Starts it again; returns when it takes connections. */
  void start() throws Exception;

  /** Ends the process as suddenly as by a power cut, but for what the system still writes. */
  void kill() throws Exception;

  /** Ends it in good order, cutting the connections that it has; {@link #start} follows. */
  void shutDown() throws Exception;

  /** Stops it and deletes all it had. */
  void stop() throws Exception;
}
