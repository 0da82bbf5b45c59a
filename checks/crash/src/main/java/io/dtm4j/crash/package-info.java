/** Kills real server processes and looks at what is left. */
@NullMarked
package io.dtm4j.crash;

import org.jspecify.annotations.NullMarked;
