/** What a transaction is and how it changes: immutable records. */
@NullMarked
package io.dtm4j.model;

import org.jspecify.annotations.NullMarked;
