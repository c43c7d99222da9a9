import {
  fromBinary,
  fromJsonString,
  toBinary,
  toJsonString,
  type DescMessage,
  type DescMethod,
  type Registry,
} from "@bufbuild/protobuf";
import { BodyFailure } from "../../../../model/body-failure.ts";
import { isStream, type Body, type ByteStream } from "../../../../model/byte-stream.ts";
import type { Response } from "../../../../model/exchange.ts";
import { err, ok, type Result } from "../../../../model/result.ts";
import type { UpstreamFailure, UpstreamRequest } from "../../../../ports/upstream.ts";
import { bytesStream } from "../../../../support/byte-streams.ts";
import { MAX_MESSAGE_VALUES } from "../transcode/answer-json.ts";
import { jsonValues } from "../transcode/json-values.ts";
import { wireValues } from "../transcode/wire-values.ts";
import { enveloped, EnvelopeCutter, type Envelope } from "./envelopes.ts";

/** Largest message, bytes. One is held each way, outside the room for captured bodies. */
const MAX_MESSAGE_BYTES = 1024 * 1024;

/** Flag of the envelope a stream ends with, which is JSON in every codec. */
const END_STREAM = 2;

/** A stream of Connect in JSON, as the same in protobuf, and what its answer becomes. */
export interface JsonStream {
  readonly request: UpstreamRequest;
  readonly back: (response: Response) => Response;
}

/** By the schema: for an upstream that knows protobuf alone. What is refused was given up. */
export function jsonStream(request: UpstreamRequest, registry: Registry): Result<JsonStream, UpstreamFailure> {
  const { headers, body } = request;
  const refuse = (failure: UpstreamFailure): Result<never, UpstreamFailure> => {
    if (isStream(body)) body.discard();
    return err(failure);
  };
  const method = methodOf(request.requestTarget, registry);
  if (method === undefined) return refuse(NO_METHOD);
  if ((headers.joined("connect-content-encoding") ?? "identity").trim() !== "identity") return refuse(NO_CODING);
  const plain = headers.without((name) => name === "connect-content-encoding" || name === "connect-accept-encoding");
  const toProto = (bytes: Uint8Array): Uint8Array => {
    const text = utf8(bytes);
    if (jsonValues(text, MAX_MESSAGE_VALUES) > MAX_MESSAGE_VALUES) throw new Error("too many values");
    return toBinary(method.input, fromJsonString(method.input, text, { registry }));
  };
  return ok({
    request: {
      ...request,
      headers: plain.with("content-type", ["application/connect+proto"]),
      body: mapped(body, toProto, () => new BodyFailure("bad_request", `A message is no ${method.input.typeName} in JSON.`)),
    },
    back: (response) => ({
      ...response,
      headers: response.headers.with("content-type", ["application/connect+json"]),
      body: mapped(
        response.body,
        (bytes) => jsonOf(method.output, bytes, registry),
        () => NO_MESSAGE,
      ),
    }),
  });
}

function methodOf(requestTarget: string, registry: Registry): DescMethod | undefined {
  const [, service = "", name] = /^\/([^/?]+)\/([^/?]+)$/.exec(requestTarget) ?? [];
  return registry.getService(service)?.methods.find((method) => method.name === name);
}

const utf8 = (bytes: Uint8Array): string => new TextDecoder("utf-8", { fatal: true }).decode(bytes);

function jsonOf(type: DescMessage, bytes: Uint8Array, registry: Registry): Uint8Array {
  const values = wireValues(bytes, type, { max: MAX_MESSAGE_VALUES, registry });
  if (values === undefined || values > MAX_MESSAGE_VALUES) throw new Error("too many values");
  return new TextEncoder().encode(toJsonString(type, fromBinary(type, bytes), { registry }));
}

/** The same messages in other words. One that has none, is coded or too large ends the body with what `fault` says. */
function mapped(body: Body, translate: (message: Uint8Array) => Uint8Array, fault: () => unknown): Body {
  if (body === undefined) return undefined;
  const stream = isStream(body) ? body : bytesStream([body]);
  const translated = ({ flags, bytes }: Envelope): Uint8Array => {
    if (flags === END_STREAM) return enveloped(flags, bytes);
    if (flags !== 0) throw new Error("a coded message");
    return enveloped(0, translate(bytes));
  };
  return translatedStream(stream, translated, fault);
}

function translatedStream(stream: ByteStream, translate: (envelope: Envelope) => Uint8Array, fault: () => unknown): ByteStream {
  return {
    declaredBytes: undefined,
    pipe(sink) {
      const cutter = new EnvelopeCutter(MAX_MESSAGE_BYTES);
      let isOver = false;
      const fail = (): false => {
        isOver = true;
        sink.fail(fault());
        // the flow may not be here yet
        queueMicrotask(() => flow.cancel());
        return false;
      };
      const flow = stream.pipe({
        write(chunk) {
          if (isOver) return false;
          const parts = translatedAll(cutter.push(chunk), translate);
          if (parts === undefined) return fail();
          return parts.length === 0 || sink.write(parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts));
        },
        end(trailers) {
          if (isOver) return;
          if (cutter.isWhole) sink.end(trailers);
          else fail();
        },
        fail: (cause) => (isOver ? undefined : sink.fail(cause)),
      });
      return flow;
    },
    discard: (cause) => stream.discard(cause),
  };
}

function translatedAll(
  envelopes: readonly Envelope[] | undefined,
  translate: (envelope: Envelope) => Uint8Array,
): readonly Uint8Array[] | undefined {
  try {
    return envelopes?.map(translate);
  } catch {
    return undefined;
  }
}

const NO_METHOD: UpstreamFailure = {
  problem: "route_not_found",
  cause: "no method",
  detail: "No method of the service is called like this.",
};

const NO_CODING: UpstreamFailure = {
  problem: "body_unsupported",
  cause: "coded JSON",
  detail: "Messages in JSON are taken without a coding.",
};

const NO_MESSAGE: UpstreamFailure = { problem: "upstream_invalid_response", cause: "a message that is none of its type" };
