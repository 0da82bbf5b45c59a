package io.dtm4j.coordinator;

import io.dtm4j.protocol.ErrorCode;
import io.dtm4j.protocol.Reply;
import java.time.Duration;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.extension.ExtendWith;

/** What tests in virtual time have in common: a calm world whose participants have a script. */
@ExtendWith({Quiet.class, StoreFaultsPerTest.class})
abstract class InVirtualTime {
  static final Duration A_MOMENT = Duration.ofMillis(100);

  final VirtualTime time = new VirtualTime();
  final Weather weather = new Weather();
  final ScriptedParticipants participants = new ScriptedParticipants(time);
  final World world = new World(time, weather, participants);

  static Duration seconds(long number) {
    return Duration.ofSeconds(number);
  }

  static Duration millis(long number) {
    return Duration.ofMillis(number);
  }

  /** Starts a server and lets it come to rest. */
  Server server(String name) {
    return server(name, weather);
  }

  /** The same with a weather of its own. */
  Server server(String name, Weather ofItsOwn) {
    Server server = world.server(name, ofItsOwn);
    run(A_MOMENT);
    return server;
  }

  void run(Duration length) {
    time.run(length);
  }

  /** The code of what a client has heard; null: success. */
  static @Nullable ErrorCode codeOf(Server.Answer answer) {
    return switch (answer.reply()) {
      case Reply.Success _ -> null;
      case Reply.Refused refused -> refused.code();
      case Reply.Unfinished unfinished -> unfinished.code();
      case Reply.Failed failed -> failed.code();
    };
  }
}
