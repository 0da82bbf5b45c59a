package io.dtm4j.databases;

import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** PostgreSQL. It does not run as root, so root runs it as the user postgres. */
public final class PostgresServer implements DatabaseServer {
  private static final Installation DEBIAN =
      new Installation(
          program ->
              Processes.binary(
                  program,
                  "/usr/lib/postgresql/18/bin",
                  "/usr/lib/postgresql/17/bin",
                  "/usr/lib/postgresql/16/bin",
                  "/usr/lib/postgresql/15/bin",
                  "/usr/bin"));

  private static final Template UNPACKED_18 = new Template(PostgresServer::unpacked18);

  private static final Installation VERSION_18 =
      new Installation(program -> UNPACKED_18.directory().resolve("bin").resolve(program));

  private static final boolean IS_ROOT = "root".equals(System.getProperty("user.name"));

  private final Installation installation;
  private final Path directory;
  private final Path log;
  private final int port = Processes.freePort();
  private final List<String> options;
  private final Thread atExit = new Thread(this::stopAtExit);
  private @Nullable Process process;

  private interface Programs {
    Path find(String program) throws Exception;
  }

  /** Programs, and what a new server has. */
  private static final class Installation {
    private final Programs programs;
    private final Template template = new Template(this::initialised);

    Installation(Programs programs) {
      this.programs = programs;
    }

    List<String> command(String program, String... arguments) throws Exception {
      var command = new ArrayList<String>();
      if (IS_ROOT) {
        command.addAll(
            List.of("setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"));
      }
      command.add(programs.find(program).toString());
      command.addAll(List.of(arguments));
      return command;
    }

    private Path initialised() throws Exception {
      Path data = newDirectory("dtm4j-postgres-template");
      Path init = Files.createTempFile("dtm4j-postgres", ".log");
      Processes.run(
          init,
          command(
              "initdb",
              "-D",
              data.toString(),
              "-U",
              "postgres",
              "-E",
              "UTF8",
              "--locale=C.UTF-8",
              "--auth-local=trust",
              "--auth-host=scram-sha-256",
              "--pwfile=" + passwordFile()));
      Files.delete(init);
      return data;
    }
  }

  /**
   * Makes one of the version that Debian has, and starts it.
   *
   * @param options of its command line, beside those of each
   */
  public PostgresServer(String... options) throws Exception {
    this(DEBIAN, options);
  }

  /** Makes one of version 18, and starts it. */
  public static PostgresServer ofVersion18() throws Exception {
    return new PostgresServer(VERSION_18);
  }

  private PostgresServer(Installation installation, String... options) throws Exception {
    this.options = List.of(options);
    this.installation = installation;
    directory = newDirectory("dtm4j-postgres");
    log = Files.createTempFile("dtm4j-postgres", ".log");
    installation.template.copyTo(directory);
    Runtime.getRuntime().addShutdownHook(atExit);
    start();
  }

  private static Path unpacked18() throws Exception {
    Path directory = newDirectory("dtm4j-postgres-installation");
    Downloads.unpack("postgres-linux-x86_64.txz", directory);
    return directory;
  }

  private static Path newDirectory(String name) throws Exception {
    Path directory = Files.createTempDirectory(name);
    if (IS_ROOT) {
      var users = directory.getFileSystem().getUserPrincipalLookupService();
      Files.setOwner(directory, users.lookupPrincipalByName("postgres"));
    }
    Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString("rwx------"));
    return directory;
  }

  private static Path passwordFile() throws Exception {
    Path file = Files.createTempFile("dtm4j-postgres", ".password");
    Files.writeString(file, PASSWORD + "\n");
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-r--r--"));
    file.toFile().deleteOnExit();
    return file;
  }

  @Override
  public void start() throws Exception {
    List<String> command =
        installation.command(
            "postgres",
            "-D",
            directory.toString(),
            "-h",
            "127.0.0.1",
            "-k",
            directory.toString(),
            "-p",
            Integer.toString(port));
    command.addAll(options);
    Process started = Processes.start(log, command);
    process = started;
    Processes.await(
        started,
        log,
        () -> {
          connect().close();
          return true;
        });
    execute(
        "do $$ begin if not exists (select from pg_roles where rolname = '%s') then".formatted(USER)
            + " create role %s login createdb superuser password '%s'; end if; end $$"
                .formatted(USER, PASSWORD));
  }

  @Override
  public Connection connect() throws SQLException {
    return DriverManager.getConnection(url("postgres"), "postgres", PASSWORD);
  }

  @Override
  public String url(String database) {
    return "jdbc:postgresql://127.0.0.1:" + port + "/" + database;
  }

  @Override
  public String durability() {
    return "select 'fsync ' || current_setting('fsync') || ', synchronous_commit '"
        + " || current_setting('synchronous_commit')";
  }

  @Override
  public String processes() {
    return "postgres";
  }

  /** The process that was started becomes the server itself; its children end when they notice. */
  @Override
  public void kill() throws Exception {
    Process running = process;
    if (running != null) {
      List<ProcessHandle> all = new ArrayList<>(running.descendants().toList());
      Processes.end(running, true);
      for (ProcessHandle child : all) {
        child.destroyForcibly();
        child.onExit().join();
      }
      Files.deleteIfExists(directory.resolve("postmaster.pid"));
    }
  }

  /** By its own tool: the signal that ends processes lets it wait for those who are connected. */
  @Override
  public void shutDown() throws Exception {
    Processes.run(
        log,
        installation.command("pg_ctl", "stop", "-w", "-m", "fast", "-D", directory.toString()));
    Processes.end(process, false);
  }

  @Override
  public void stop() throws Exception {
    kill();
    Runtime.getRuntime().removeShutdownHook(atExit);
    Processes.delete(directory);
    Files.deleteIfExists(log);
  }

  private void stopAtExit() {
    try {
      kill();
      Processes.delete(directory);
      Files.deleteIfExists(log);
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }
}
