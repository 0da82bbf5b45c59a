package io.dtm4j.store.sql;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.dtm4j.protocol.Options;
import java.util.HashMap;
import java.util.Map;
import java.util.TreeMap;

/** Options as DTM keeps them, JSON text in column {@code options} (docs/spec/transactions.md 2). */
final class OptionsJson {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String WAIT_RESULT = "wait_result";
  private static final String TIMEOUT_TO_FAIL = "timeout_to_fail";
  private static final String REQUEST_TIMEOUT = "request_timeout";
  private static final String RETRY_INTERVAL = "retry_interval";
  private static final String BRANCH_HEADERS = "branch_headers";
  private static final String CONCURRENT = "concurrent";
  private static final String RETRY_LIMIT = "retry_limit";

  private OptionsJson() {}

  static String write(Options options) {
    ObjectNode node = JSON.createObjectNode();
    if (options.waitResult()) {
      node.put(WAIT_RESULT, true);
    }
    seconds(node, TIMEOUT_TO_FAIL, options.timeoutToFail());
    seconds(node, REQUEST_TIMEOUT, options.requestTimeout());
    seconds(node, RETRY_INTERVAL, options.retryInterval());
    if (!options.branchHeaders().isEmpty()) {
      ObjectNode headers = node.putObject(BRANCH_HEADERS);
      new TreeMap<>(options.branchHeaders()).forEach(headers::put);
    }
    node.put(CONCURRENT, options.concurrent());
    seconds(node, RETRY_LIMIT, options.retryLimit());
    return node.toString();
  }

  private static void seconds(ObjectNode node, String name, long value) {
    if (value != 0) {
      node.put(name, value);
    }
  }

  static Options read(String text) {
    if (text.isEmpty()) {
      return Options.DEFAULTS;
    }
    try {
      JsonNode node = JSON.readTree(text);
      Map<String, String> headers = new HashMap<>();
      node.path(BRANCH_HEADERS)
          .properties()
          .forEach(header -> headers.put(header.getKey(), header.getValue().asText()));
      return new Options(
          node.path(WAIT_RESULT).asBoolean(),
          node.path(TIMEOUT_TO_FAIL).asLong(),
          node.path(REQUEST_TIMEOUT).asLong(),
          node.path(RETRY_INTERVAL).asLong(),
          headers,
          node.path(CONCURRENT).asBoolean(),
          node.path(RETRY_LIMIT).asLong());
    } catch (JsonProcessingException e) {
      throw new BrokenRowException("options are no JSON", e);
    }
  }
}
