/** What the server can be told: files, environment, defaults, and what of it is wrong. */
@NullMarked
package io.dtm4j.server.config;

import org.jspecify.annotations.NullMarked;
