@NullMarked
package io.dtm4j.server.tracing;

import org.jspecify.annotations.NullMarked;
