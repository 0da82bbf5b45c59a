/** The suite that every store passes. */
@NullMarked
package io.dtm4j.store.contract;

import org.jspecify.annotations.NullMarked;
