package io.dtm4j.engine;

import java.util.BitSet;
import org.jspecify.annotations.Nullable;

/** An immutable set of branch rows, by their place; {@link Call#NO_ROW} may be a member, too. */
final class Rows {
  static final Rows NONE = new Rows(new BitSet(0));

  /** Members are shifted by one, so that {@link Call#NO_ROW} fits. */
  private final BitSet bits;

  private Rows(BitSet bits) {
    this.bits = bits;
  }

  boolean contains(int row) {
    return bits.get(row + 1);
  }

  boolean isEmpty() {
    return bits.isEmpty();
  }

  Rows with(int row) {
    BitSet changed = (BitSet) bits.clone();
    changed.set(row + 1);
    return new Rows(changed);
  }

  Rows without(int row) {
    if (!contains(row)) {
      return this;
    }
    BitSet changed = (BitSet) bits.clone();
    changed.clear(row + 1);
    return new Rows(changed);
  }

  @Override
  public boolean equals(@Nullable Object other) {
    return other instanceof Rows that && bits.equals(that.bits);
  }

  @Override
  public int hashCode() {
    return bits.hashCode();
  }

  @Override
  public String toString() {
    return bits.stream().map(bit -> bit - 1).boxed().toList().toString();
  }
}
