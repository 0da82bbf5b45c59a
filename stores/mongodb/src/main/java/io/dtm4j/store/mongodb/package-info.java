/** The shared store on MongoDB. */
@NullMarked
package io.dtm4j.store.mongodb;

import org.jspecify.annotations.NullMarked;
