package io.dtm4j.store.sql;

import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;

/**
 * The address of a database, as far as it must be what the store relies on: one server, which takes
 * the writes and shows them to every read, and none of the parameters that would undo what the
 * store tells the driver.
 */
final class Address {
  private Address() {}

  /**
   * The dialect of that address.
   *
   * @throws IllegalArgumentException when it cannot be used; the message names what is wrong, and
   *     nothing that may be secret
   */
  static Dialect dialectOf(String url) {
    Dialect dialect = Dialect.of(url);
    int hosts = url.indexOf(':', "jdbc:".length()) + 1;
    if (!url.startsWith("//", hosts)) {
      throw new IllegalArgumentException(
          "url of a database: one with a failover or balancing mode, or without a host (expected:"
              + " jdbc:<kind>://host:port/database)");
    }
    int parameters = url.indexOf('?') < 0 ? url.length() : url.indexOf('?');
    int end = url.indexOf('/', hosts + 2);
    String host = url.substring(hosts + 2, end < 0 || end > parameters ? parameters : end);
    if (host.indexOf(',') >= 0 || host.indexOf('(') >= 0) {
      throw new IllegalArgumentException(
          "url of a database: several hosts (expected: one, which takes the writes)");
    }
    checkParameters(url.substring(Math.min(url.length(), parameters + 1)), dialect);
    return dialect;
  }

  private static void checkParameters(String parameters, Dialect dialect) {
    Set<String> forbidden = new TreeSet<>(dialect.forbiddenParameters());
    dialect.driverProperties().keySet().forEach(name -> forbidden.add(lower(name)));
    for (String parameter : parameters.split("[&?]", -1)) {
      String name = parameter.substring(0, Math.max(0, (parameter + "=").indexOf('=')));
      String decoded = decoded(name);
      if (forbidden.contains(lower(decoded))) {
        throw new IllegalArgumentException(
            "url of a database: parameter " + decoded + " (expected: none that the store sets)");
      }
    }
  }

  private static String lower(String name) {
    return name.toLowerCase(Locale.ROOT);
  }

  private static String decoded(String name) {
    try {
      return URLDecoder.decode(name, StandardCharsets.UTF_8).trim();
    } catch (IllegalArgumentException e) {
      return name; // no driver knows it either
    }
  }
}
