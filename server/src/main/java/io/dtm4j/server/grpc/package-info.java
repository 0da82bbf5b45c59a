/** The door for clients that speak gRPC. */
@NullMarked
package io.dtm4j.server.grpc;

import org.jspecify.annotations.NullMarked;
