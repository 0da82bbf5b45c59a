@NullMarked
package io.dtm4j.server.metrics;

import org.jspecify.annotations.NullMarked;
