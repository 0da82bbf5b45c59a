/** The shared store: MariaDB, MySQL or PostgreSQL, in DTM's tables. */
@NullMarked
package io.dtm4j.store.sql;

import org.jspecify.annotations.NullMarked;
