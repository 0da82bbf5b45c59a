@NullMarked
package io.dtm4j.server;

import org.jspecify.annotations.NullMarked;
