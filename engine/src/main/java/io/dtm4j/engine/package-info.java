/** The rules of all modes: pure functions from a transaction and events to a decision. */
@NullMarked
package io.dtm4j.engine;

import org.jspecify.annotations.NullMarked;
