package io.dtm4j.server.grpc;

import io.grpc.MethodDescriptor;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.io.InputStream;
import org.jspecify.annotations.Nullable;

/**
 * What came as the message of a call. What cannot be read is a value, too, and not an exception in
 * the midst of the library, so that it is answered like everything else.
 *
 * @param message null: the bytes are no such message
 * @param tooLong it was compressed, and as it is it would be longer than a message may be
 */
record Received<Q>(@Nullable Q message, boolean tooLong) {
  /** Reads messages as another marshaller does; writes none. */
  static <Q> MethodDescriptor.Marshaller<Received<Q>> by(
      MethodDescriptor.Marshaller<Q> marshaller) {
    return new MethodDescriptor.Marshaller<>() {
      @Override
      public InputStream stream(Received<Q> received) {
        throw new UnsupportedOperationException("a door only receives them");
      }

      @Override
      public Received<Q> parse(InputStream bytes) {
        try {
          return new Received<>(marshaller.parse(bytes), false);
        } catch (StatusRuntimeException e) {
          // The library finds it out while the message is read.
          boolean tooLong = e.getStatus().getCode() == Status.Code.RESOURCE_EXHAUSTED;
          return new Received<>(null, tooLong);
        }
      }
    };
  }
}
