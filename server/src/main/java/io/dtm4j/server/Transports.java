package io.dtm4j.server;

import io.dtm4j.coordinator.Caller;
import io.dtm4j.engine.Call;
import io.dtm4j.protocol.Transport;

/** Gives each call to the caller of its transport. */
record Transports(Caller http, Caller grpc) implements Caller {
  @Override
  public void send(Call call, Ended ended) {
    switch (Transport.of(call.protocol(), call.url())) {
      case HTTP -> http.send(call, ended);
      case GRPC -> grpc.send(call, ended);
    }
  }
}
