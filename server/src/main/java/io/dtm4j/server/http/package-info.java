/**
 * HTTP in and out: the door for clients and the caller of participants, on one set of event loops.
 */
@NullMarked
package io.dtm4j.server.http;

import org.jspecify.annotations.NullMarked;
