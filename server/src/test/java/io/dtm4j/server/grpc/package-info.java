@NullMarked
package io.dtm4j.server.grpc;

import org.jspecify.annotations.NullMarked;
