/** Doors, callers and the one class that wires everything. */
@NullMarked
package io.dtm4j.server;

import org.jspecify.annotations.NullMarked;
