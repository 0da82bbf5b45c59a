package io.dtm4j.crash;

import static java.util.Objects.requireNonNull;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.Duration;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Supplier;

/**
 * As a server lists them, where the store can be read by nobody else. The clock of the store is
 * that of this machine.
 *
 * @param stored what the store has of each gid, as text
 */
record ListedRecords(Api api, Supplier<Map<String, String>> stored) implements Records {
  private static final List<String> UNFINISHED = List.of("prepared", "submitted", "aborting");

  /** One whose status changes meanwhile may be missing, or there twice. */
  @Override
  public List<Open> open() {
    List<Open> all = new ArrayList<>();
    for (String status : UNFINISHED) {
      Instant now = Instant.now();
      for (JsonNode one : api.listed(status)) {
        Instant next = OffsetDateTime.parse(one.path("next_cron_time").asText()).toInstant();
        all.add(
            Open.of(
                one.path("gid").asText(), one.path("owner").asText(), Duration.between(next, now)));
      }
    }
    return all;
  }

  @Override
  public Map<String, Kept> kept() {
    Map<String, String> texts = stored.get();
    Map<String, Kept> all = new TreeMap<>();
    for (JsonNode one : api.listed("")) {
      String gid = one.path("gid").asText();
      all.put(
          gid,
          new Kept(Records.process(one.path("owner").asText()), requireNonNull(texts.get(gid))));
    }
    return all;
  }
}
