@NullMarked
package io.dtm4j.server.config;

import org.jspecify.annotations.NullMarked;
