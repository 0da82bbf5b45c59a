package io.dtm4j.server.grpc;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.net.spi.InetAddressResolver;
import java.net.spi.InetAddressResolverProvider;
import java.util.stream.Stream;

/**
 * Gives {@link #NAME} and {@link #UNDERSCORED} both loopback addresses; the JDK finds it as a
 * service.
 */
public final class TwoAddresses extends InetAddressResolverProvider {
  static final String NAME = "two-addresses.invalid";
  static final String UNDERSCORED = "two_addresses.invalid";

  /** The addresses, IPv4 and IPv6. */
  static InetAddress[] all() throws UnknownHostException {
    return new InetAddress[] {
      InetAddress.getByAddress(NAME, new byte[] {127, 0, 0, 1}),
      InetAddress.getByAddress(NAME, new byte[] {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1})
    };
  }

  @Override
  public InetAddressResolver get(Configuration configuration) {
    InetAddressResolver usual = configuration.builtinResolver();
    return new InetAddressResolver() {
      @Override
      public Stream<InetAddress> lookupByName(String name, LookupPolicy policy)
          throws UnknownHostException {
        return name.equals(NAME) || name.equals(UNDERSCORED)
            ? Stream.of(all())
            : usual.lookupByName(name, policy);
      }

      @Override
      public String lookupByAddress(byte[] address) throws UnknownHostException {
        return usual.lookupByAddress(address);
      }
    };
  }

  @Override
  public String name() {
    return "a name with two addresses";
  }
}
