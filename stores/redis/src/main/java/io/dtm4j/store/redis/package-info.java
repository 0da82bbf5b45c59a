/** The shared store, on Redis. */
@NullMarked
package io.dtm4j.store.redis;

import org.jspecify.annotations.NullMarked;
