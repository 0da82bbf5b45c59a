package io.dtm4j.server.http;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;

/** The description of the HTTP API, as it stands in {@code openapi.json}. Any thread. */
final class OpenApi {
  private static final String FILE = "openapi.json";

  /** Stands in the file where the version of the server belongs. */
  private static final String VERSION = "\"version\": \"0\"";

  private OpenApi() {}

  /**
   * The description, with the version of the server. Reads a file of the program: not for event
   * loops.
   */
  static byte[] text(String version) {
    try (InputStream in = OpenApi.class.getResourceAsStream(FILE)) {
      if (in == null) {
        throw new IllegalStateException(FILE + " is not part of the program");
      }
      String text = new String(in.readAllBytes(), StandardCharsets.UTF_8);
      return text.replace(VERSION, "\"version\": \"" + version + "\"")
          .getBytes(StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
