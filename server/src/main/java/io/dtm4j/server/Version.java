package io.dtm4j.server;

/** The version of this build. */
public final class Version {
  /** From the jar's manifest; {@code v0.0.0-dev} when it does not run from a jar. */
  public static final String TEXT = read();

  private Version() {}

  private static String read() {
    Package itself = Version.class.getPackage();
    String version = itself == null ? null : itself.getImplementationVersion();
    return version == null ? "v0.0.0-dev" : version;
  }
}
