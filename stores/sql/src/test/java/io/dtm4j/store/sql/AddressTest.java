package io.dtm4j.store.sql;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

@DisplayNameGeneration(ReplaceUnderscores.class)
class AddressTest {
  @ParameterizedTest
  @ValueSource(
      strings = {
        "jdbc:mariadb://db:3306/dtm",
        "jdbc:mysql://db/dtm?sslMode=verify-full&serverSslCert=/etc/a,b(c).pem",
        "jdbc:mariadb://[::1]:3306/dtm?",
        "jdbc:postgresql://db:5432/dtm?sslmode=require&currentSchema=dtm",
        "jdbc:postgresql:///dtm",
      })
  void one_server_and_its_tls_are_taken(String url) {
    assertThat(Address.dialectOf(url)).isEqualTo(Dialect.of(url));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "jdbc:mariadb:loadbalance://a,b/dtm",
        "jdbc:mariadb:sequential://a/dtm",
        "jdbc:mariadb:replication://a,b/dtm",
        "jdbc:mysql:loadbalance://a/dtm",
        "jdbc:postgresql:dtm",
      })
  void modes_are_refused(String url) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Address.dialectOf(url))
        .withMessageContaining("jdbc:<kind>://host:port/database");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "jdbc:mariadb://a,b/dtm",
        "jdbc:mariadb://address=(host=a)(type=primary)/dtm",
        "jdbc:postgresql://a:1,b:2/dtm?targetServerType=primary",
        "jdbc:postgresql://a,b",
      })
  void several_hosts_are_refused(String url) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Address.dialectOf(url))
        .withMessageContaining("several hosts");
  }

  @ParameterizedTest
  @CsvSource({
    "jdbc:mariadb, useAffectedRows=true",
    "jdbc:mariadb, USEAFFECTEDROWS=true",
    "jdbc:mysql, autocommit=false",
    "jdbc:mysql, sessionVariables=sql_mode=''",
    "jdbc:mariadb, socketTimeout=0",
    "jdbc:mariadb, maxAllowedPacket=1000000000",
    "jdbc:mariadb, transactionReplay=true",
    "jdbc:mariadb, initSql=select",
    "jdbc:mariadb, connectionTimeZone=LOCAL",
    "jdbc:postgresql, options=-c%20synchronous_commit=off",
    "jdbc:postgresql, socketTimeout=0",
    "jdbc:postgresql, %73ocketTimeout=0",
    "jdbc:postgresql, raiseExceptionOnSilentRollback=false",
    "jdbc:postgresql, readOnly=true",
    "jdbc:postgresql, reWriteBatchedInserts=true",
    "jdbc:postgresql, autosave=always",
    "jdbc:postgresql, service=other",
  })
  void parameters_that_would_undo_what_the_store_sets_are_refused_by_name(
      String kind, String parameter) {
    String url = kind + "://db/dtm?sslMode=disable&" + parameter + "&password=very-secret";

    assertThatIllegalArgumentException()
        .isThrownBy(() -> Address.dialectOf(url))
        .withMessageContaining(
            "parameter " + parameter.substring(0, parameter.indexOf('=')).replace("%73", "s"))
        .withMessageNotContaining("very-secret");
  }
}
