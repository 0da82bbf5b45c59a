/** Servers, clients and participants in a storm; in the package whose insides it looks at. */
@NullMarked
package io.dtm4j.coordinator;

import org.jspecify.annotations.NullMarked;
