/** Transactions at work: decide, commit, then act. Knows no transport. */
@NullMarked
package io.dtm4j.coordinator;

import org.jspecify.annotations.NullMarked;
