package io.dtm4j.coordinator;

import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.ExtensionContext.Namespace;

/** Tells {@link StoreFaults} of each test; the simulation goes without, and without JUnit. */
final class StoreFaultsPerTest implements BeforeEachCallback {
  @Override
  public void beforeEach(ExtensionContext context) {
    StoreFaults.begin(context.getUniqueId());
    if (StoreFaults.areWanted()) {
      AutoCloseable report = StoreFaults::report;
      var _ =
          context
              .getRoot()
              .getStore(Namespace.create(StoreFaults.class))
              .computeIfAbsent("report", _ -> report);
    }
  }
}
