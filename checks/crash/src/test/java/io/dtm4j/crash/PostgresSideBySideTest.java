package io.dtm4j.crash;

import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

@Execution(ExecutionMode.CONCURRENT)
class PostgresSideBySideTest extends SideBySideTest {
  PostgresSideBySideTest() {
    super(Cluster.Kind.POSTGRES);
  }
}
