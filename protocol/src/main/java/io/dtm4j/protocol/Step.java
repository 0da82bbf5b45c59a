package io.dtm4j.protocol;

/**
 * One step of a saga or message as the client sent it.
 *
 * @param action url of the action; "" counts as done without a call
 * @param compensate url of the compensation (saga); "" counts as done without a call
 * @param data payload inside the step, as old clients send it; "" when absent
 */
public record Step(String action, String compensate, String data) {}
