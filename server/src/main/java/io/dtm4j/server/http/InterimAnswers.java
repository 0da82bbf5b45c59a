package io.dtm4j.server.http;

import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.handler.codec.http.HttpResponse;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpStatusClass;
import io.netty.handler.codec.http.LastHttpContent;
import io.netty.util.ReferenceCountUtil;

/**
 * Leaves out answers that only say that another one will come, such as 102 (RFC 9110 15.2). Vert.x
 * knows some of them and takes the others for the answer itself: the connection would be free for
 * the next call, which would be told the real answer to this one. Belongs to one connection.
 */
final class InterimAnswers extends ChannelInboundHandlerAdapter {
  private boolean leavesOut;

  @Override
  public void channelRead(ChannelHandlerContext context, Object part) {
    if (part instanceof HttpResponse answer) {
      leavesOut = isInterim(answer.status());
    }
    if (leavesOut) {
      leavesOut = !(part instanceof LastHttpContent);
      ReferenceCountUtil.release(part);
    } else {
      context.fireChannelRead(part);
    }
  }

  /** 101 is none of them: nothing of HTTP follows it. */
  private static boolean isInterim(HttpResponseStatus status) {
    return status.codeClass() == HttpStatusClass.INFORMATIONAL
        && status.code() != HttpResponseStatus.SWITCHING_PROTOCOLS.code();
  }
}
