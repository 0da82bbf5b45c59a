package io.dtm4j.store.sql;

import io.dtm4j.model.Stored;

/**
 * A transaction as it was read.
 *
 * @param id its key, which grows from one to the next
 * @param extData its {@code ext_data}, which may have members of others
 * @param options its {@code options}, likewise
 */
record Found(long id, Stored stored, String extData, String options) {}
