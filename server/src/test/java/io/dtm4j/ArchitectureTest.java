package io.dtm4j;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.Architectures.layeredArchitecture;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.ArchConfiguration;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import java.time.Instant;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Test;

/** Which package may know which, as {@code CONTRIBUTING.md} lists the modules. */
@DisplayNameGeneration(ReplaceUnderscores.class)
class ArchitectureTest {
  private static final String PROTOCOL = "io.dtm4j.protocol..";
  private static final String MODEL = "io.dtm4j.model..";
  private static final String ENGINE = "io.dtm4j.engine..";
  private static final String STORE = "io.dtm4j.store";

  /** The concrete stores, each in a package of its own. */
  private static final String STORES = "io.dtm4j.store.*..";

  private static final String COORDINATOR = "io.dtm4j.coordinator..";
  private static final String SERVER = "io.dtm4j.server..";
  private static final String GRPC_STUBS = "io.dtm4j.stubs..";

  private static final JavaClasses CLASSES = load();

  private static JavaClasses load() {
    // Names are all that the rules ask for: 1 s instead of 9 s.
    ArchConfiguration.get().setResolveMissingDependenciesFromClassPath(false);
    return new ClassFileImporter()
        .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
        .withImportOption(place -> !place.contains("/io/dtm4j/databases/")) // tests start these
        .importPackages("io.dtm4j");
  }

  @Test
  void arrows_point_one_way() {
    layeredArchitecture()
        .consideringOnlyDependenciesInAnyPackage("io.dtm4j..")
        .layer("protocol")
        .definedBy(PROTOCOL)
        .layer("grpc-stubs")
        .definedBy(GRPC_STUBS)
        .layer("engine")
        .definedBy(MODEL, ENGINE)
        .layer("store")
        .definedBy(STORE)
        .layer("stores")
        .definedBy(STORES)
        .layer("coordinator")
        .definedBy(COORDINATOR)
        .layer("server")
        .definedBy(SERVER)
        .whereLayer("protocol")
        .mayNotAccessAnyLayer()
        .whereLayer("grpc-stubs")
        .mayNotAccessAnyLayer()
        .whereLayer("engine")
        .mayOnlyAccessLayers("protocol")
        .whereLayer("store")
        .mayOnlyAccessLayers("engine", "protocol")
        .whereLayer("stores")
        .mayOnlyAccessLayers("store", "engine", "protocol")
        .whereLayer("coordinator")
        .mayOnlyAccessLayers("store", "engine", "protocol")
        .whereLayer("server")
        .mayNotBeAccessedByAnyLayer()
        .ensureAllClassesAreContainedInArchitecture()
        .check(CLASSES);
  }

  @Test
  void the_protocol_needs_the_jdk_and_jackson_only() {
    classes()
        .that()
        .resideInAPackage(PROTOCOL)
        .should()
        .onlyDependOnClassesThat()
        .resideInAnyPackage(PROTOCOL, "java..", "com.fasterxml.jackson..", "org.jspecify..")
        .check(CLASSES);
  }

  @Test
  void the_engine_sees_the_protocol_and_the_jdk_only() {
    classes()
        .that()
        .resideInAnyPackage(MODEL, ENGINE)
        .should()
        .onlyDependOnClassesThat()
        .resideInAnyPackage(MODEL, ENGINE, PROTOCOL, "java..", "org.jspecify..")
        .check(CLASSES);
  }

  @Test
  void the_engine_has_no_threads_no_clock_and_no_chance() {
    noClasses()
        .that()
        .resideInAnyPackage(MODEL, ENGINE)
        .should()
        .dependOnClassesThat()
        .resideInAPackage("java.util.concurrent..")
        .orShould()
        .callMethod(Instant.class, "now")
        .orShould()
        .callMethod(System.class, "currentTimeMillis")
        .orShould()
        .callMethod(System.class, "nanoTime")
        .orShould()
        .callMethod(Math.class, "random")
        .check(CLASSES);
  }

  @Test
  void the_coordinator_knows_no_transport() {
    noClasses()
        .that()
        .resideInAPackage(COORDINATOR)
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage("io.vertx..", "io.netty..", "io.grpc..", "java.net.http..", SERVER)
        .check(CLASSES);
  }

  @Test
  void one_package_knows_grpc() {
    noClasses()
        .that()
        .resideOutsideOfPackages("io.dtm4j.server.grpc..", GRPC_STUBS)
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage("io.grpc..", "com.google.protobuf..", GRPC_STUBS)
        .check(CLASSES);
  }

  @Test
  void one_package_knows_the_library_of_the_metrics() {
    noClasses()
        .that()
        .resideOutsideOfPackage("io.dtm4j.server.metrics..")
        .should()
        .dependOnClassesThat()
        .resideInAPackage("io.prometheus..")
        .check(CLASSES);
  }

  @Test
  void one_package_knows_the_library_of_the_traces() {
    noClasses()
        .that()
        .resideOutsideOfPackage("io.dtm4j.server.tracing..")
        .should()
        .dependOnClassesThat()
        .resideInAPackage("io.opentelemetry..")
        .check(CLASSES);
  }

  @Test
  void a_store_knows_no_other_store() {
    slices().matching("io.dtm4j.store.(*)..").should().notDependOnEachOther().check(CLASSES);
  }

  @Test
  void only_who_opens_or_migrates_them_knows_the_concrete_stores() {
    noClasses()
        .that()
        .resideOutsideOfPackage(STORES)
        .and()
        .haveNameNotMatching("io\\.dtm4j\\.server\\.(Stores|Migrate)(\\$.*)?")
        .should()
        .dependOnClassesThat()
        .resideInAPackage(STORES)
        .check(CLASSES);
  }
}
