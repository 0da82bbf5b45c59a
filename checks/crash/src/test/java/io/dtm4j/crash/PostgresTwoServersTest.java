package io.dtm4j.crash;

import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.api.parallel.ResourceLock;

@ResourceLock("Postgres") // one of its tests after the other: they have one database server
@Execution(ExecutionMode.CONCURRENT)
class PostgresTwoServersTest extends TwoServersTest {
  PostgresTwoServersTest() {
    super(Cluster.Kind.POSTGRES);
  }
}
