package io.dtm4j.server;

import picocli.CommandLine.IVersionProvider;

/** The version of this build, and what {@code --version} of each verb says. */
public final class Version implements IVersionProvider {
  /** From the jar's manifest; {@code v0.0.0-dev} when it does not run from a jar. */
  public static final String TEXT = read();

  private static String read() {
    Package itself = Version.class.getPackage();
    String version = itself == null ? null : itself.getImplementationVersion();
    return version == null ? "v0.0.0-dev" : version;
  }

  @Override
  public String[] getVersion() {
    return new String[] {"dtm4j version: " + TEXT};
  }
}
