package io.dtm4j.coordinator;

import static org.assertj.core.api.Assertions.assertThat;

import io.dtm4j.model.Owner;
import io.dtm4j.protocol.Gid;
import java.util.HashSet;
import java.util.Set;
import java.util.function.Function;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Test;

@DisplayNameGeneration(ReplaceUnderscores.class)
class ClaimsTest {
  @Test
  void no_claim_comes_twice_even_with_two_servers_of_one_name() {
    Claims one = new Claims("server");
    Claims two = new Claims("server");
    Set<String> seen = new HashSet<>();

    for (int i = 0; i < 1_000; i++) {
      seen.add(one.next().claim());
      seen.add(two.next().claim());
    }

    assertThat(seen).hasSize(2_000);
  }

  @Test
  void a_claim_begins_leased_and_with_the_first_revision() {
    Owner owner = new Claims("server").next();

    assertThat(owner.mark()).isEqualTo(Owner.Mark.LEASED);
    assertThat(owner.revision()).isEqualTo(1);
    assertThat(Owner.parse(owner.toString())).isEqualTo(owner);
  }

  @Test
  void a_process_knows_its_own_claims() {
    Claims one = new Claims("server");

    assertThat(one.isOurs(one.next().claim())).isTrue();
    assertThat(one.isOurs(new Claims("server").next().claim())).isFalse();
  }

  @Test
  void the_name_of_a_server_is_made_to_fit() {
    Owner owner = new Claims("a:b" + "c".repeat(100)).next();

    assertThat(owner.server()).startsWith("a-bccc").hasSize(Owner.MAX_SERVER);
  }

  @Test
  void repeated_work_gets_the_same_token_for_each_gid() {
    Function<Gid, Owner> tokens = new Claims("server").tokens();

    Owner first = tokens.apply(new Gid("g"));

    assertThat(tokens.apply(new Gid("h"))).isNotEqualTo(first);
    assertThat(tokens.apply(new Gid("g"))).isEqualTo(first);
  }
}
