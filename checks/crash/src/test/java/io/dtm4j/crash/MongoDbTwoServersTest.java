package io.dtm4j.crash;

import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.api.parallel.ResourceLock;

@ResourceLock("MongoDb") // one of its tests after the other: they have one database server
@Execution(ExecutionMode.CONCURRENT)
class MongoDbTwoServersTest extends TwoServersTest {
  MongoDbTwoServersTest() {
    super(Cluster.Kind.MONGODB);
  }
}
