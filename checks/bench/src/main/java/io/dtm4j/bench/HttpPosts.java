package io.dtm4j.bench;

import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpClient;
import io.vertx.core.http.HttpClientRequest;
import io.vertx.core.http.HttpClientResponse;
import io.vertx.core.http.HttpHeaders;
import io.vertx.core.http.HttpMethod;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Performs a transaction as posts of JSON, one after the other: the next leaves when the last was
 * answered with the expected status.
 */
final class HttpPosts implements Work.Performer {
  private static final int SHOWN_CHARACTERS = 300;
  private static final String GID = "{gid}";
  private static final String PARTICIPANTS = "{participants}";
  private static final String SERVER = "{server}";
  private static final CharSequence JSON = HttpHeaders.createOptimized("application/json");

  /**
   * One post.
   *
   * @param address a path below the server's address, or {@code {participants}/...}
   * @param expected the status that lets the transaction go on
   * @param body its text; like the address it may name {@code {gid}} once, {@code {participants}}
   *     and {@code {server}}
   */
  record Post(String address, int expected, String body) {}

  private final HttpClient http;
  private final Step[] steps;

  private int next;
  private String gid = "";
  private Consumer<@Nullable String> done = _ -> {};

  HttpPosts(Work.Site site, List<Post> posts) {
    this.http = site.http();
    this.steps = posts.stream().map(post -> Step.of(post, site)).toArray(Step[]::new);
  }

  @Override
  public void perform(String gid, Consumer<@Nullable String> done) {
    this.gid = gid;
    this.done = done;
    next = 0;
    send(steps[0]);
  }

  private void send(Step step) {
    http.request(HttpMethod.POST, step.port, step.host, step.path.with(gid))
        .onComplete(
            (request, failure) -> {
              if (failure == null) {
                write(step, request);
              } else {
                failed(step, failure);
              }
            });
  }

  private void write(Step step, HttpClientRequest request) {
    request
        .putHeader(HttpHeaders.CONTENT_TYPE, JSON)
        .send(Buffer.buffer(step.body.with(gid)))
        .onComplete(
            (response, failure) -> {
              if (failure == null) {
                read(step, response);
              } else {
                failed(step, failure);
              }
            });
  }

  private void read(Step step, HttpClientResponse response) {
    response
        .body()
        .onComplete(
            (body, failure) -> {
              if (failure != null) {
                failed(step, failure);
              } else if (response.statusCode() != step.expected) {
                done.accept(
                    "%s: %d (expected: %d) %s"
                        .formatted(step.name, response.statusCode(), step.expected, shown(body)));
              } else if (++next < steps.length) {
                send(steps[next]);
              } else {
                done.accept(null);
              }
            });
  }

  private void failed(Step step, Throwable failure) {
    String text = failure.getMessage();
    done.accept(step.name + ": " + (text == null ? failure.toString() : text));
  }

  private static String shown(Buffer body) {
    String text = body.toString().strip();
    return text.length() <= SHOWN_CHARACTERS ? text : text.substring(0, SHOWN_CHARACTERS) + "…";
  }

  private record Step(
      String name, String host, int port, Template path, Template body, int expected) {

    static Step of(Post post, Work.Site site) {
      Target target = site.target();
      Template body = Template.of(post.body(), site);
      return post.address().startsWith(PARTICIPANTS)
          ? new Step(
              "participant",
              Work.Site.PARTICIPANT_HOST,
              site.participantPort(),
              Template.of(post.address().substring(PARTICIPANTS.length()), site),
              body,
              post.expected())
          : new Step(
              post.address().substring(1),
              target.host(),
              target.port(),
              Template.of(target.path() + post.address(), site),
              body,
              post.expected());
    }
  }

  /** A text around at most one gid; {@code after} is null when the text names none. */
  private record Template(String before, @Nullable String after) {

    static Template of(String text, Work.Site site) {
      String placed =
          text.replace(PARTICIPANTS, site.participants()).replace(SERVER, site.target().address());
      int at = placed.indexOf(GID);
      return at < 0
          ? new Template(placed, null)
          : new Template(placed.substring(0, at), placed.substring(at + GID.length()));
    }

    String with(String gid) {
      return after == null ? before : before + gid + after;
    }
  }
}
