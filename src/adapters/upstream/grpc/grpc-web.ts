import { isStream, type Body, type ByteSink, type ByteStream } from "../../../model/byte-stream.ts";
import type { Response } from "../../../model/exchange.ts";
import type { HeaderLines } from "../../../model/header-lines.ts";
import type { UpstreamRequest } from "../../../ports/upstream.ts";
import { Base64Decoder } from "./base64-decoder.ts";

/** The two forms of gRPC-Web, and what the messages are made of: `+proto`, or empty. */
export interface WebForm {
  readonly isText: boolean;
  readonly codec: string;
}

/** From a content type that is one of gRPC-Web. */
export function webForm(contentType = ""): WebForm {
  const [, text, codec = ""] = /^application\/grpc-web(-text)?(\+[a-z0-9.-]+)?/i.exec(contentType) ?? [];
  return { isText: text !== undefined, codec };
}

/** A gRPC-Web request as gRPC: the same messages, without the text form. */
export function fromGrpcWeb(request: UpstreamRequest, { isText, codec }: WebForm): UpstreamRequest {
  const headers = request.headers
    .without((name) => name === "accept" || name === "x-grpc-web" || name === "content-length")
    .with("content-type", [`application/grpc${codec}`]);
  return { ...request, headers, body: isText ? decoded(request.body) : request.body };
}

/** A gRPC response as gRPC-Web: the trailers become the last frame of the body. Where there is no body its head has said everything. */
export function toGrpcWeb(response: Response, form: WebForm): Response {
  const { body } = response;
  const type = `application/grpc-web${form.isText ? "-text" : ""}${form.codec === "" ? "+proto" : form.codec}`;
  const headers = response.headers.with("content-type", [type]);
  if (body === undefined) return { ...response, headers };
  return { ...response, headers, body: withTrailerFrame(isStream(body) ? body : whole(body), form) };
}

function decoded(body: Body): Body {
  if (body === undefined) return body;
  if (!isStream(body)) return new Base64Decoder().push(body) ?? body;
  return {
    declaredBytes: undefined,
    pipe(sink) {
      const decoder = new Base64Decoder();
      let isBroken = false;
      const flow = body.pipe({
        write(chunk) {
          if (isBroken) return false;
          const bytes = decoder.push(chunk);
          if (bytes !== undefined) return bytes.byteLength === 0 || sink.write(bytes);
          isBroken = true;
          sink.fail("the body is no base64");
          return false;
        },
        end() {
          if (isBroken) return;
          if (decoder.isWhole) sink.end();
          else sink.fail("the body is no base64");
        },
        fail: (cause) => (isBroken ? undefined : sink.fail(cause)),
      });
      return flow;
    },
    discard: (cause) => body.discard(cause),
  };
}

const whole = (bytes: Uint8Array): ByteStream => ({
  declaredBytes: bytes.byteLength,
  pipe(sink) {
    sink.write(bytes);
    sink.end();
    return { resume: () => {}, cancel: () => {} };
  },
  discard: () => {},
});

function withTrailerFrame(body: ByteStream, { isText }: WebForm): ByteStream {
  return {
    declaredBytes: undefined,
    pipe(sink) {
      const out = isText ? new TextSink(sink) : sink;
      return body.pipe({
        write: (chunk) => out.write(chunk),
        end(trailers) {
          out.write(trailerFrame(trailers));
          out.end();
        },
        fail: (cause) => out.fail(cause),
      });
    },
    discard: (cause) => body.discard(cause),
  };
}

/** Bytes as base64. Each chunk is padded by itself: nothing of a message waits for the next one. */
class TextSink implements ByteSink {
  readonly #sink: ByteSink;

  constructor(sink: ByteSink) {
    this.#sink = sink;
  }

  write(chunk: Uint8Array): boolean {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    return this.#sink.write(Buffer.from(bytes.toString("base64"), "latin1"));
  }

  end(): void {
    this.#sink.end();
  }

  fail(cause: unknown): void {
    this.#sink.fail(cause);
  }
}

/** Trailers as a frame of their own: lines of HTTP/1.1 behind a head that says so. Without a status the call was cut short. */
function trailerFrame(trailers: HeaderLines | undefined): Uint8Array {
  let text = "";
  trailers?.each((name, value) => (text += `${name}: ${value}\r\n`));
  if (trailers?.has("grpc-status") !== true) text += "grpc-status: 13\r\ngrpc-message: The upstream ended without a status.\r\n";
  const block = Buffer.from(text, "latin1");
  const frame = Buffer.alloc(5 + block.length);
  frame[0] = 0x80;
  frame.writeUInt32BE(block.length, 1);
  block.copy(frame, 5);
  return frame;
}
