/** Load for any DTM-compatible server, and what it costs. */
@NullMarked
package io.dtm4j.bench;

import org.jspecify.annotations.NullMarked;
