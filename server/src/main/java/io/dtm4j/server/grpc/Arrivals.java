package io.dtm4j.server.grpc;

import io.grpc.Context;
import io.grpc.Metadata;
import io.grpc.ServerStreamTracer;
import io.grpc.Status;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * Counts the bytes of messages that are on their way in, and refuses the calls with which they
 * would be too many: the library would gather all of them. Any thread.
 */
final class Arrivals extends ServerStreamTracer.Factory {
  private static final Context.Key<Arrival> CURRENT = Context.key("arrival");

  private final long maxBytes;
  private final AtomicLong bytes = new AtomicLong();
  private final Set<Arrival> open = ConcurrentHashMap.newKeySet();

  Arrivals(long maxBytes) {
    this.maxBytes = maxBytes;
  }

  @Override
  public ServerStreamTracer newServerStreamTracer(String method, Metadata headers) {
    return new Arrival();
  }

  /** The arrival of the call that begins on this thread; null: it is none of ours. */
  static @Nullable Arrival current() {
    return CURRENT.get();
  }

  /** Bytes that have come, of messages that are not whole. */
  long bytes() {
    return bytes.get();
  }

  /** Gives up what began to arrive before that time, by the monotonic clock. */
  void giveUpBefore(long nanoTime) {
    for (Arrival arrival : open) {
      if (arrival.since - nanoTime < 0) {
        arrival.giveUp(Incoming::late);
      }
    }
  }

  /** What is done with a call whose message is not waited for any longer. */
  interface GivingUp {
    void giveUp(Incoming<?, ?> incoming);
  }

  /** The message of one call on its way in. */
  final class Arrival extends ServerStreamTracer {
    private final long since = System.nanoTime();

    /** Null: the call has not begun, or its message is not awaited any more. */
    private volatile @Nullable Incoming<?, ?> incoming;

    private long size;
    private boolean over;

    @Override
    public Context filterContext(Context context) {
      return context.withValue(CURRENT, this);
    }

    void begin(Incoming<?, ?> call) {
      incoming = call;
      open.add(this);
    }

    @Override
    public void inboundWireSize(long more) {
      synchronized (this) {
        if (over || incoming == null) {
          return; // other services have streams that may last for ever
        }
        size += more;
      }
      if (bytes.addAndGet(more) > maxBytes) {
        giveUp(Incoming::tooMuch);
      }
    }

    private void giveUp(GivingUp how) {
      Incoming<?, ?> call = incoming;
      if (call != null) {
        how.giveUp(call);
      }
    }

    /** It is whole, or nobody waits for it. */
    void end() {
      incoming = null;
      open.remove(this);
      long counted;
      synchronized (this) {
        counted = over ? 0 : size;
        over = true;
      }
      bytes.addAndGet(-counted);
    }

    @Override
    public void streamClosed(Status status) {
      end();
    }
  }
}
