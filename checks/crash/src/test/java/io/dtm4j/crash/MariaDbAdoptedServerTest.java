package io.dtm4j.crash;

import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

@Execution(ExecutionMode.CONCURRENT)
class MariaDbAdoptedServerTest extends AdoptedServerTest {
  MariaDbAdoptedServerTest() {
    super(Cluster.Kind.MARIADB);
  }
}
