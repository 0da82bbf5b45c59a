package io.dtm4j.server.grpc;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.dtm4j.server.http.Loops;
import io.dtm4j.store.EventLoop;
import io.grpc.ConnectivityState;
import io.grpc.ManagedChannel;
import io.grpc.netty.NettyChannelBuilder;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Opens channels to targets: plain text, on the event loop of their caller. */
final class Channels {
  private static final int MAX_HEADERS = 64 << 10;
  private static final String MACHINE_OUTSIDE = "host.docker.internal";

  /** A service config that has one of these wants the library to repeat calls. */
  private static final List<String> REPEATING = List.of("\"retryPolicy\"", "\"hedgingPolicy\"");

  /** What the library calls the look-up of names. */
  static final String SCHEME = "dns";

  private final Loops loops;
  private final GrpcCallerConfig config;
  private final Map<String, @Nullable Object> serviceConfig;

  /**
   * @throws IllegalArgumentException when the library cannot use the service config
   */
  Channels(Loops loops, GrpcCallerConfig config) {
    this.loops = loops;
    this.config = config;
    serviceConfig = parsed(config.serviceConfig());
    if (!config.serviceConfig().equals(GrpcCallerConfig.DEFAULTS.serviceConfig())) {
      tryOut();
    }
  }

  /** The library looks at a service config when it makes a channel; later, each call would fail. */
  private void tryOut() {
    try {
      open("localhost:1", none(), loops.all().getFirst()).shutdownNow();
    } catch (RuntimeException e) {
      throw new IllegalArgumentException(e.getMessage(), e);
    }
  }

  /**
   * A service config in the form that the library wants.
   *
   * @throws IllegalArgumentException when it is no JSON object
   */
  private static Map<String, @Nullable Object> parsed(String json) {
    JsonNode config;
    try {
      config = new ObjectMapper().readTree(json);
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException("the service config is no JSON", e);
    }
    if (!config.isObject()) {
      throw new IllegalArgumentException("the service config is no JSON object");
    }
    return membersOf(config);
  }

  private static Map<String, @Nullable Object> membersOf(JsonNode object) {
    var members = new HashMap<String, @Nullable Object>();
    object.properties().forEach(member -> members.put(member.getKey(), valueOf(member.getValue())));
    return members;
  }

  private static @Nullable Object valueOf(JsonNode node) {
    if (node.isObject()) {
      return membersOf(node);
    }
    if (node.isArray()) {
      var items = new ArrayList<@Nullable Object>();
      node.forEach(item -> items.add(valueOf(item)));
      return items;
    }
    if (node.isNumber()) {
      return node.doubleValue(); // the library knows no others
    }
    return node.isBoolean() ? Boolean.valueOf(node.booleanValue()) : node.textValue();
  }

  /** The connections of a target to which there are none yet. */
  Connections none() {
    return new Connections(loops.connectingChannels());
  }

  /**
   * Opens a channel; it connects with its first call.
   *
   * @param connections what it connects with
   * @param loop where all of its work is done
   */
  ManagedChannel open(String target, Connections connections, EventLoop loop) {
    NettyChannelBuilder builder = lookedUp(resolved(target)).usePlaintext();
    if (REPEATING.stream().noneMatch(config.serviceConfig()::contains)) {
      builder.disableRetry(); // a tenth of what a call costs; what was not processed we repeat
    }
    return builder
        .eventLoopGroup(loops.nettyLoop(loop))
        .channelFactory(connections)
        .directExecutor()
        .maxInboundMessageSize(config.answerBytes())
        .maxInboundMetadataSize(MAX_HEADERS)
        .userAgent("dtm4j")
        .proxyDetector(_ -> null)
        .disableServiceConfigLookUp()
        .maxTraceEvents(0)
        .defaultServiceConfig(serviceConfig)
        .build();
  }

  @SuppressWarnings("deprecation") // all else that takes a resolver takes it for all channels
  private static NettyChannelBuilder lookedUp(String target) {
    // Brackets of an IPv6 address may not stand in the path of a URI as they are.
    String path = target.replace("[", "%5B").replace("]", "%5D");
    NettyChannelBuilder builder = NettyChannelBuilder.forTarget(SCHEME + ":///" + path);
    return target.contains("_") ? builder.nameResolverFactory(UnderscoredName.of(target)) : builder;
  }

  private String resolved(String target) {
    int colon = target.lastIndexOf(':');
    String host = target.substring(0, colon);
    return config.insideDocker() && (host.equals("localhost") || host.equals("127.0.0.1"))
        ? MACHINE_OUTSIDE + target.substring(colon)
        : target;
  }

  /** Whether it has not found its target, or not connected to it, so that it refuses calls. */
  static boolean isBroken(ManagedChannel channel) {
    return channel.getState(false) == ConnectivityState.TRANSIENT_FAILURE;
  }
}
