package io.dtm4j.coordinator;

/**
 * What one destination has to do at a moment.
 *
 * @param address scheme, host and port of a url, with the user if it names one
 * @param inFlight calls that have a place
 * @param waiting calls that wait for one
 */
public record DestinationLoad(String address, int inFlight, int waiting) {}
