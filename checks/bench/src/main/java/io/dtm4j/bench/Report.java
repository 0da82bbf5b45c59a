package io.dtm4j.bench;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.dtm4j.bench.Comparison.Pair;
import io.dtm4j.bench.Comparison.Ratios;
import io.dtm4j.bench.Comparison.Spread;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Prints figures, either as lines of a table while they come or as one JSON document at the end.
 */
final class Report {
  private static final ObjectMapper JSON =
      JsonMapper.builder()
          .propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE)
          .defaultPropertyInclusion(
              JsonInclude.Value.construct(
                  JsonInclude.Include.NON_NULL, JsonInclude.Include.NON_NULL))
          .enable(SerializationFeature.INDENT_OUTPUT)
          .build();

  private static final String ROW = "%-14s %-10s %7s %11s %8s %8s %8s %8s %8s %8s %7s  %s";

  private final PrintWriter out;
  private final boolean json;
  private final boolean windows;

  Report(PrintWriter out, boolean json, boolean windows) {
    this.out = out;
    this.json = json;
    this.windows = windows;
  }

  void begin(Work work) {
    String counted = work.waited() ? "completed" : "accepted";
    line(
        ROW.formatted(
            "", "", "", counted, "p50", "p99", "p99.9", "server", "store", "own", "", ""));
    line(
        ROW.formatted(
            "server",
            "work",
            "clients",
            "per s",
            "ms",
            "ms",
            "ms",
            "CPU µs",
            "CPU µs",
            "CPU µs",
            "errors",
            "durability"));
  }

  void row(Measurement run) {
    Measurement.Latency latency = run.latencyMs();
    Measurement.Cpu cpu = run.cpuMicrosPerTransaction();
    line(
        ROW.formatted(
            run.label(),
            run.work(),
            run.clients(),
            "%,.1f".formatted(run.perSecond()),
            "%,.2f".formatted(latency.p50()),
            "%,.2f".formatted(latency.p99()),
            "%,.2f".formatted(latency.p999()),
            micros(cpu.server()),
            micros(cpu.store()),
            micros(cpu.generator()),
            "%,d".formatted(run.errors()),
            run.durability()));
    if (windows) {
      line(
          run.thirdsPerSecond().stream()
              .map("%,.1f"::formatted)
              .collect(Collectors.joining("  ", "  thirds of the run: ", " per s")));
    }
    if (run.firstError() != null) {
      line("  first error: " + run.firstError());
    }
    if (run.note() != null) {
      line("  note: " + run.note());
    }
  }

  void pair(int number, Pair pair) {
    Ratios ratios = pair.ratios();
    line(
        "  pair %d, %s / %s: throughput %s  CPU %s  p50 %s"
            .formatted(
                number,
                pair.a().label(),
                pair.b().label(),
                ratio(ratios.throughput()),
                ratio(ratios.cpu()),
                ratio(ratios.p50())));
  }

  void end(Measurement run) {
    if (json) {
      print(run);
    }
  }

  void end(Comparison comparison) {
    if (json) {
      List<Map<String, Object>> pairs = new ArrayList<>();
      for (Pair pair : comparison.pairs()) {
        pairs.add(ordered("a", pair.a(), "b", pair.b(), "ratios", pair.ratios()));
      }
      Map<String, @Nullable Spread> ratios = new LinkedHashMap<>();
      ratios.put("throughput", comparison.spread(Ratios::throughput));
      ratios.put("cpu", comparison.spread(Ratios::cpu));
      ratios.put("p50", comparison.spread(Ratios::p50));
      print(ordered("pairs", pairs, "ratios", ratios));
      return;
    }
    Measurement a = comparison.pairs().getFirst().a();
    Measurement b = comparison.pairs().getFirst().b();
    line(
        "%s / %s over %d pairs, %s, %d clients: median [min – max]"
            .formatted(a.label(), b.label(), comparison.pairs().size(), a.work(), a.clients()));
    spread("throughput", comparison.spread(Ratios::throughput));
    spread("CPU per transaction", comparison.spread(Ratios::cpu));
    spread("p50", comparison.spread(Ratios::p50));
  }

  private void spread(String name, @Nullable Spread spread) {
    if (spread != null) {
      line(
          "  %-20s %s [%s – %s]"
              .formatted(name, ratio(spread.median()), ratio(spread.min()), ratio(spread.max())));
    }
  }

  private static Map<String, Object> ordered(Object... namesAndValues) {
    Map<String, Object> map = new LinkedHashMap<>();
    for (int i = 0; i < namesAndValues.length; i += 2) {
      map.put((String) namesAndValues[i], namesAndValues[i + 1]);
    }
    return map;
  }

  private static String micros(@Nullable Double micros) {
    return micros == null ? "-" : "%,.0f".formatted(micros);
  }

  /** Small ones with more digits, so that one fourteenth is told from one tenth. */
  private static String ratio(@Nullable Double ratio) {
    if (ratio == null) {
      return "-";
    }
    return (ratio >= 10 ? "%.1fx" : ratio >= 1 ? "%.2fx" : "%.3fx").formatted(ratio);
  }

  private void line(String text) {
    if (!json) {
      out.println(text.stripTrailing());
      out.flush();
    }
  }

  private void print(Object document) {
    try {
      out.println(JSON.writeValueAsString(document));
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(e); // records of numbers and texts can always be written
    }
    out.flush();
  }
}
