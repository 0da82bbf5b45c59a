package io.dtm4j.server;

import io.dtm4j.coordinator.Caller;
import io.dtm4j.engine.Call;
import io.dtm4j.protocol.BranchAnswer;
import io.dtm4j.protocol.Transport;
import java.util.function.Consumer;

/** Gives each call to the caller of its transport. */
record Transports(Caller http, Caller grpc) implements Caller {
  @Override
  public void send(Call call, Consumer<BranchAnswer> answered) {
    switch (Transport.of(call.protocol(), call.url())) {
      case HTTP -> http.send(call, answered);
      case GRPC -> grpc.send(call, answered);
    }
  }
}
