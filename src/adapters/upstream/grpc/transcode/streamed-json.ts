import { isStream, type ByteStream } from "../../../../model/byte-stream.ts";
import type { Response } from "../../../../model/exchange.ts";
import { GRPC_STATUS } from "../../../../model/grpc.ts";
import { jsonHeaders, MAX_MESSAGE_BYTES, messageJson, type AnswerTerms } from "./answer-json.ts";
import { MessageCutter } from "./message-frames.ts";
import { statusJson, statusOf, type CallStatus } from "./status-answer.ts";

/**
 * A stream of messages as a stream of JSON: one line each, or one event each where the client accepts server-sent events. A call that ends
 * with another status than OK says so in a last line `{"error": …}`, or in an event `error`; one that breaks off breaks off.
 */
export function streamedJson(response: Response, terms: AnswerTerms): Response {
  const isEvents = /(?:^|[,\s])text\/event-stream(?:$|[;,\s])/i.test(terms.accept);
  const headers = jsonHeaders(response.headers, isEvents ? "text/event-stream" : "application/x-ndjson");
  const { body } = response;
  return { status: 200, headers, body: isStream(body) ? jsonOf(body, terms, isEvents) : undefined };
}

function jsonOf(body: ByteStream, terms: AnswerTerms, isEvents: boolean): ByteStream {
  const line = (json: string): string => (isEvents ? `data: ${json}\n\n` : `${json}\n`);
  const error = (status: CallStatus): string =>
    isEvents
      ? `event: error\ndata: ${statusJson(status, terms.api.registry)}\n\n`
      : `{"error":${statusJson(status, terms.api.registry)}}\n`;
  const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
  return {
    declaredBytes: undefined,
    pipe(sink) {
      const cutter = new MessageCutter(MAX_MESSAGE_BYTES);
      let isOver = false;
      const fail = (cause: string): false => {
        isOver = true;
        sink.fail({ problem: "upstream_invalid_response", cause });
        // the flow may not be here yet
        queueMicrotask(() => flow.cancel());
        return false;
      };
      const flow = body.pipe({
        write(chunk) {
          if (isOver) return false;
          const lines = cutter.push(chunk)?.map((message) => messageJson(message, terms));
          if (lines === undefined || lines.includes(undefined)) return fail("a message that is none of its type");
          return lines.length === 0 || sink.write(bytesOf(lines.map((json) => line(json ?? "")).join("")));
        },
        end(trailers) {
          if (isOver) return;
          const status = statusOf((name) => trailers?.first(name));
          if (status === undefined || (status.code === GRPC_STATUS.OK && !cutter.isWhole))
            return void fail("no status, or half a message");
          if (status.code !== GRPC_STATUS.OK) sink.write(bytesOf(error(status)));
          sink.end();
        },
        fail: (cause) => (isOver ? undefined : sink.fail(cause)),
      });
      return flow;
    },
    discard: (cause) => body.discard(cause),
  };
}
