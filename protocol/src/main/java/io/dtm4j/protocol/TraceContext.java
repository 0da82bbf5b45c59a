package io.dtm4j.protocol;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Where in a trace of its client a transaction belongs: the two headers of W3C Trace Context, which
 * are called the same in HTTP and in the metadata of gRPC. Immutable.
 *
 * @param parent the value of {@code traceparent}: 55 characters, of version 00
 * @param state the value of {@code tracestate}, at most {@link #MAX_STATE} characters of ASCII; ""
 *     when there is none
 */
public record TraceContext(String parent, String state) {
  /** The header that names the parent. */
  public static final String PARENT = "traceparent";

  /** The header with what others keep of the trace. */
  public static final String STATE = "tracestate";

  /** What everybody has to pass on of the state; a longer one is left out. */
  public static final int MAX_STATE = 512;

  private static final int LENGTH = 55;
  private static final int TRACE_ID = 3;
  private static final int SPAN_ID = 36;
  private static final int FLAGS = 53;
  private static final String NO_VERSION = "ff";
  private static final String VERSION = "00";

  /**
   * The context that these values describe. A state that cannot be passed on is left out.
   *
   * @param parent null: there is none
   * @param state "" when there is none
   * @return null when there is no valid parent
   */
  public static @Nullable TraceContext of(@Nullable String parent, String state) {
    return parent != null && isParent(parent)
        ? new TraceContext(VERSION + parent.substring(2, LENGTH), isState(state) ? state : "")
        : null;
  }

  /**
   * The context of a request.
   *
   * @param parents the values of all headers of that name; more than one says nothing
   * @param states the same; they are one list
   * @return null when there is no valid parent
   */
  public static @Nullable TraceContext of(List<String> parents, List<String> states) {
    return parents.size() == 1 ? of(parents.get(0), String.join(",", states)) : null;
  }

  private static boolean isParent(String text) {
    if (text.length() < LENGTH
        || text.charAt(TRACE_ID - 1) != '-'
        || text.charAt(SPAN_ID - 1) != '-'
        || text.charAt(FLAGS - 1) != '-'
        || !isHex(text, 0, TRACE_ID - 1)
        || !isId(text, TRACE_ID, SPAN_ID - 1)
        || !isId(text, SPAN_ID, FLAGS - 1)
        || !isHex(text, FLAGS, LENGTH)
        || text.startsWith(NO_VERSION)) {
      return false;
    }
    // Later versions may go on behind what is known today.
    return text.length() == LENGTH || (!text.startsWith(VERSION) && text.charAt(LENGTH) == '-');
  }

  private static boolean isId(String text, int from, int to) {
    if (!isHex(text, from, to)) {
      return false;
    }
    for (int i = from; i < to; i++) {
      if (text.charAt(i) != '0') {
        return true;
      }
    }
    return false;
  }

  private static boolean isHex(String text, int from, int to) {
    for (int i = from; i < to; i++) {
      char c = text.charAt(i);
      if ((c < '0' || c > '9') && (c < 'a' || c > 'f')) {
        return false;
      }
    }
    return true;
  }

  private static boolean isState(String text) {
    return text.length() <= MAX_STATE && text.chars().allMatch(c -> c >= ' ' && c <= '~');
  }
}
