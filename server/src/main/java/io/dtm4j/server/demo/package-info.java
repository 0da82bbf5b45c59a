/** What a newcomer sees first: a server, two banks, and money that is never lost between them. */
@NullMarked
package io.dtm4j.server.demo;

import org.jspecify.annotations.NullMarked;
