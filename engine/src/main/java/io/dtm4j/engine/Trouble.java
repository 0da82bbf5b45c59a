package io.dtm4j.engine;

import io.dtm4j.model.BranchKey;
import io.dtm4j.protocol.Gid;
import io.dtm4j.protocol.GlobalStatus;

/**
 * A call that brought no success and has to be repeated later, for those who want to be told:
 * docs/spec/transactions.md 3.1.
 *
 * @param status of the transaction
 * @param url that was called
 * @param error what came instead of a success
 * @param retries how often the interval has doubled, with this one; the calls so far, when it is at
 *     its longest
 */
public record Trouble(
    Gid gid, GlobalStatus status, BranchKey branch, String url, String error, int retries) {}
