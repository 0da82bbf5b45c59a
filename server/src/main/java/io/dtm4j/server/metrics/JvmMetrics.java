package io.dtm4j.server.metrics;

import com.sun.management.OperatingSystemMXBean;
import com.sun.management.UnixOperatingSystemMXBean;
import io.prometheus.metrics.core.metrics.CounterWithCallback;
import io.prometheus.metrics.core.metrics.GaugeWithCallback;
import io.prometheus.metrics.core.metrics.SummaryWithCallback;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import io.prometheus.metrics.model.snapshots.Quantiles;
import java.io.IOException;
import java.lang.management.BufferPoolMXBean;
import java.lang.management.GarbageCollectorMXBean;
import java.lang.management.ManagementFactory;
import java.lang.management.MemoryUsage;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.Consumer;
import java.util.function.ToDoubleFunction;

/**
 * The JVM and its process, under the names that Prometheus' own libraries give them, so that the
 * usual dashboards show them. Everything is looked up when somebody asks: loading the beans takes a
 * while, which would be missing at the start.
 */
final class JvmMetrics {
  private static final double MILLIS_PER_SECOND = 1e3;
  private static final Path STATUS = Path.of("/proc/self/status");
  private static final String RESIDENT = "VmRSS:";
  private static final int BYTES_PER_KB = 1 << 10;

  private final PrometheusRegistry registry;

  private JvmMetrics(PrometheusRegistry registry) {
    this.registry = registry;
  }

  static void register(PrometheusRegistry registry) {
    var metrics = new JvmMetrics(registry);
    metrics.process();
    metrics.memory("jvm_memory_used_bytes", "memory in use", MemoryUsage::getUsed);
    metrics.memory("jvm_memory_committed_bytes", "memory taken", MemoryUsage::getCommitted);
    metrics.memory("jvm_memory_max_bytes", "memory at most; -1: no limit", MemoryUsage::getMax);
    metrics.jvm();
  }

  private void process() {
    counter(
        "process_cpu_seconds_total",
        "CPU time of the process",
        callback -> callback.call(system().getProcessCpuTime() / Metrics.NANOS_PER_SECOND));
    gauge(
        "process_start_time_seconds",
        "start of the process, in seconds since 1970",
        callback ->
            callback.call(ManagementFactory.getRuntimeMXBean().getStartTime() / MILLIS_PER_SECOND));
    gauge(
        "process_open_fds",
        "open files and connections",
        callback -> {
          if (system() instanceof UnixOperatingSystemMXBean unix) {
            callback.call((double) unix.getOpenFileDescriptorCount());
          }
        });
    gauge(
        "process_max_fds",
        "files and connections that may be open",
        callback -> {
          if (system() instanceof UnixOperatingSystemMXBean unix) {
            callback.call((double) unix.getMaxFileDescriptorCount());
          }
        });
    gauge("process_resident_memory_bytes", "memory of the process", JvmMetrics::resident);
  }

  private static OperatingSystemMXBean system() {
    return ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class);
  }

  /** On systems without such a file there is no value. */
  private static void resident(GaugeWithCallback.Callback callback) {
    try {
      for (String line : Files.readAllLines(STATUS)) {
        if (line.startsWith(RESIDENT)) {
          String number = line.substring(RESIDENT.length()).replace("kB", "").strip();
          callback.call((double) Long.parseLong(number) * BYTES_PER_KB);
        }
      }
    } catch (IOException | NumberFormatException _) {
      // said above
    }
  }

  private void memory(String name, String help, ToDoubleFunction<MemoryUsage> value) {
    GaugeWithCallback.builder()
        .name(name)
        .help(help)
        .labelNames("area")
        .callback(
            callback -> {
              var memory = ManagementFactory.getMemoryMXBean();
              callback.call(value.applyAsDouble(memory.getHeapMemoryUsage()), "heap");
              callback.call(value.applyAsDouble(memory.getNonHeapMemoryUsage()), "nonheap");
            })
        .register(registry);
  }

  private void jvm() {
    GaugeWithCallback.builder()
        .name("jvm_buffer_pool_used_bytes")
        .help("memory of buffers outside of the heap")
        .labelNames("pool")
        .callback(
            callback -> {
              for (BufferPoolMXBean pool :
                  ManagementFactory.getPlatformMXBeans(BufferPoolMXBean.class)) {
                callback.call((double) pool.getMemoryUsed(), pool.getName());
              }
            })
        .register(registry);
    SummaryWithCallback.builder()
        .name("jvm_gc_collection_seconds")
        .help("garbage collections")
        .labelNames("gc")
        .callback(
            callback -> {
              for (GarbageCollectorMXBean gc : ManagementFactory.getGarbageCollectorMXBeans()) {
                callback.call(
                    gc.getCollectionCount(),
                    gc.getCollectionTime() / MILLIS_PER_SECOND,
                    Quantiles.EMPTY,
                    gc.getName());
              }
            })
        .register(registry);
    gauge(
        "jvm_threads_current",
        "threads",
        callback -> callback.call(ManagementFactory.getThreadMXBean().getThreadCount()));
    GaugeWithCallback.builder()
        .name("jvm_runtime_info")
        .help("1; the labels say which JVM it is")
        .labelNames("version", "vendor", "runtime")
        .callback(
            callback ->
                callback.call(
                    1,
                    System.getProperty("java.runtime.version", ""),
                    System.getProperty("java.vm.vendor", ""),
                    System.getProperty("java.runtime.name", "")))
        .register(registry);
  }

  private void gauge(String name, String help, Consumer<GaugeWithCallback.Callback> value) {
    GaugeWithCallback.builder().name(name).help(help).callback(value).register(registry);
  }

  private void counter(String name, String help, Consumer<CounterWithCallback.Callback> value) {
    CounterWithCallback.builder().name(name).help(help).callback(value).register(registry);
  }
}
