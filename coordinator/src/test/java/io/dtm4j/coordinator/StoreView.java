package io.dtm4j.coordinator;

import io.dtm4j.store.TransactionStore;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import org.jspecify.annotations.Nullable;

/** A store as somebody sees it: what was asked for is done, and something else may come back. */
interface StoreView {
  /**
   * What comes back.
   *
   * @param method of {@link TransactionStore}
   * @param result what came of it
   */
  @Nullable Object result(String method, @Nullable Object result);

  /** The store seen in this way. */
  default TransactionStore of(TransactionStore store) {
    InvocationHandler handler =
        (_, method, arguments) -> {
          Object result;
          try {
            result = method.invoke(store, arguments);
          } catch (InvocationTargetException e) {
            throw e.getCause();
          }
          return result(method.getName(), result);
        };
    return (TransactionStore)
        Proxy.newProxyInstance(
            TransactionStore.class.getClassLoader(),
            new Class<?>[] {TransactionStore.class},
            handler);
  }
}
