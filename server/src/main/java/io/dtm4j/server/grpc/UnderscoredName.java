package io.dtm4j.server.grpc;

import static java.util.Objects.requireNonNull;

import io.grpc.EquivalentAddressGroup;
import io.grpc.NameResolver;
import io.grpc.Status;
import io.grpc.StatusOr;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.UnknownHostException;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Looks up a host with an underscore in its name, as containers and services often have. The
 * library's own resolver refuses it, because {@link URI} takes it for no host. Belongs to its
 * channel, which calls it in its own order; the look-up runs beside it.
 */
final class UnderscoredName extends NameResolver {
  private final String target;
  private final Args args;
  private @Nullable Listener2 listener;
  private boolean looking;

  /**
   * @param target host and port
   */
  private UnderscoredName(String target, Args args) {
    this.target = target;
    this.args = args;
  }

  /** Makes the resolver of a channel to that host and port. */
  static NameResolver.Factory of(String target) {
    return new NameResolver.Factory() {
      @Override
      public NameResolver newNameResolver(URI uri, Args args) {
        return new UnderscoredName(target, args);
      }

      @Override
      public String getDefaultScheme() {
        return Channels.SCHEME;
      }
    };
  }

  @Override
  public String getServiceAuthority() {
    return target;
  }

  @Override
  public void start(Listener2 told) {
    listener = told;
    refresh();
  }

  @Override
  public void refresh() {
    if (!looking) {
      looking = true;
      requireNonNull(args.getOffloadExecutor(), "each channel has one").execute(this::look);
    }
  }

  private void look() {
    StatusOr<List<EquivalentAddressGroup>> found = found();
    args.getSynchronizationContext()
        .execute(
            () -> {
              looking = false;
              if (listener != null) {
                listener.onResult2(
                    ResolutionResult.newBuilder().setAddressesOrError(found).build());
              }
            });
  }

  private StatusOr<List<EquivalentAddressGroup>> found() {
    int colon = target.lastIndexOf(':');
    int port = Integer.parseInt(target.substring(colon + 1));
    try {
      return StatusOr.fromValue(
          Stream.of(InetAddress.getAllByName(target.substring(0, colon)))
              .map(address -> new EquivalentAddressGroup(new InetSocketAddress(address, port)))
              .toList());
    } catch (UnknownHostException | RuntimeException e) {
      return StatusOr.fromStatus(
          Status.UNAVAILABLE.withDescription("Unable to resolve host " + target).withCause(e));
    }
  }

  @Override
  public void shutdown() {
    listener = null;
  }
}
