/** The words of the wire, shared by server and clients. */
@NullMarked
package io.dtm4j.protocol;

import org.jspecify.annotations.NullMarked;
