/** Real database servers on this machine, for tests and scripts. */
@NullMarked
package io.dtm4j.databases;

import org.jspecify.annotations.NullMarked;
