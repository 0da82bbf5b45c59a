/** Spans for the calls of participants, in the traces of the clients that want them. */
@NullMarked
package io.dtm4j.server.tracing;

import org.jspecify.annotations.NullMarked;
