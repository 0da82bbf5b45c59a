package io.dtm4j.engine;

import java.util.List;
import org.jspecify.annotations.Nullable;

/** Who receives messages to a topic (docs/spec/transactions.md 7.1), as far as is known now. */
public interface Topics {
  /** No topic at all. */
  Topics NONE = _ -> null;

  /** The urls of its subscribers, in their order; null or empty: nobody receives it. */
  @Nullable List<String> subscribersOf(String topic);
}
