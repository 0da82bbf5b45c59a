package io.dtm4j.crash;

import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.api.parallel.ResourceLock;

@ResourceLock("Redis") // one of its tests after the other: they have one database server
@Execution(ExecutionMode.CONCURRENT)
class RedisTwoServersTest extends TwoServersTest {
  RedisTwoServersTest() {
    super(Cluster.Kind.REDIS);
  }
}
