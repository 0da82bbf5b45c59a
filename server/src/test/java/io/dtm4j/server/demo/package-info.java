@NullMarked
package io.dtm4j.server.demo;

import org.jspecify.annotations.NullMarked;
