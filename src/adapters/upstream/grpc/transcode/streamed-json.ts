import { isStream, type ByteStream } from "../../../../model/byte-stream.ts";
import type { Response } from "../../../../model/exchange.ts";
import { GRPC_STATUS } from "../../../../model/grpc.ts";
import type { UpstreamFailure } from "../../../../ports/upstream.ts";
import { jsonHeaders, MAX_MESSAGE_BYTES, messageJson, type AnswerTerms } from "./answer-json.ts";
import { MessageCutter } from "./message-frames.ts";
import { statusOf } from "./status-answer.ts";
import type { ToldErrors } from "./told-errors.ts";

/**
 * A stream of messages as a stream of JSON, one line each. A call that ends with another status than OK says so in a last line
 * `{"error": …}`; one that breaks off breaks off.
 */
export function streamedJson(response: Response, terms: AnswerTerms, errors: ToldErrors): Response {
  const headers = jsonHeaders(response.headers, "application/x-ndjson");
  const { body } = response;
  return { status: 200, headers, body: isStream(body) ? jsonOf(body, terms, errors) : undefined };
}

const invalid = (cause: string): UpstreamFailure => ({ problem: "upstream_invalid_response", cause });

/** A form of errors that has them under that name already stays as it is. */
const errorLine = (json: string): string => (json.startsWith('{"error":') ? `${json}\n` : `{"error":${json}}\n`);

function jsonOf(body: ByteStream, terms: AnswerTerms, errors: ToldErrors): ByteStream {
  const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
  return {
    declaredBytes: undefined,
    pipe(sink) {
      const cutter = new MessageCutter({ maxBytes: MAX_MESSAGE_BYTES, room: terms.room });
      let isOver = false;
      const fail = (failure: UpstreamFailure): false => {
        isOver = true;
        sink.fail(failure);
        // the flow may not be here yet
        queueMicrotask(() => flow.cancel());
        return false;
      };
      const flow = body.pipe({
        write(chunk) {
          if (isOver) return false;
          const cut = cutter.push(chunk);
          if (!cut.ok) return fail(cut.error);
          const lines = cut.value.map((message) => messageJson(message, terms));
          if (lines.includes(undefined)) return fail(invalid("a message that is none of its type, or has too many values"));
          return lines.length === 0 || sink.write(bytesOf(lines.map((json) => `${json}\n`).join("")));
        },
        end(trailers) {
          if (isOver) return;
          const status = statusOf((name) => trailers?.first(name));
          if (status === undefined || (status.code === GRPC_STATUS.OK && !cutter.isWhole))
            return void fail(invalid("no status, or half a message"));
          if (status.code !== GRPC_STATUS.OK) sink.write(bytesOf(errorLine(errors.status(status))));
          sink.end();
        },
        fail: (cause) => (isOver ? undefined : sink.fail(cause)),
      });
      return flow;
    },
    discard: (cause) => body.discard(cause),
  };
}
