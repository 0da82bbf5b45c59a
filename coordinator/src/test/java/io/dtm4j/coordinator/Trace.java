package io.dtm4j.coordinator;

import java.util.ArrayList;
import java.util.List;

/** What has happened in a run, line by line: two runs of one seed have the same. */
final class Trace {
  private final VirtualTime time;
  private final List<String> lines = new ArrayList<>();

  Trace(VirtualTime time) {
    this.time = time;
  }

  void add(String line) {
    lines.add(time.passed().toNanos() / 1000 + " " + line);
  }

  List<String> lines() {
    return lines;
  }
}
