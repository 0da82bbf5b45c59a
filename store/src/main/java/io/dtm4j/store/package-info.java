/** What a store must do, the group committer, and the shortest correct store. */
@NullMarked
package io.dtm4j.store;

import org.jspecify.annotations.NullMarked;
