/** How long single steps of the server take, without a server. */
@NullMarked
package io.dtm4j.bench.micro;

import org.jspecify.annotations.NullMarked;
