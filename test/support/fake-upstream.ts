import type { Cancel } from "../../src/model/cancel.ts";
import type { Response } from "../../src/model/exchange.ts";
import { HeaderLines } from "../../src/model/header-lines.ts";
import { isStream, type Body } from "../../src/model/byte-stream.ts";
import { err, ok, type Result } from "../../src/model/result.ts";
import type { Holding, Upstream, UpstreamFailure, UpstreamRequest } from "../../src/ports/upstream.ts";
import { collect } from "../../src/support/byte-streams.ts";
import { textOf } from "./byte-flow.ts";
import { TrackedStream, type TrackedChoice } from "./tracked-stream.ts";

/** What reached the upstream, in a form that can be compared. */
export interface SentRequest {
  readonly method: string;
  readonly requestTarget: string;
  /** Names and values, alternating. */
  readonly headers: readonly string[];
  readonly body: string;
  readonly cancel: Cancel;
}

/** Answers every request alike; reads the request body first, as a real one does. */
export class FakeUpstream implements Upstream {
  /** Streams that keep it open. */
  held = 0;
  /** What it cannot pass on as it comes; left out: it streams. */
  holds?: (request: UpstreamRequest) => Holding | undefined;
  /** Room it was given last. */
  room: UpstreamRequest["room"];
  readonly requests: SentRequest[] = [];
  /** Bodies of all responses given, to see what became of them. */
  readonly bodies: TrackedStream[] = [];
  answer: (
    request: SentRequest,
    cancel: Cancel,
  ) => Promise<Result<Response, UpstreamFailure>> | Result<Response, UpstreamFailure> = () => this.respond();

  /** A response with a streamed body. */
  respond(
    parts: {
      readonly status?: number;
      readonly headers?: readonly (readonly [string, string])[];
      readonly body?: readonly (string | Uint8Array)[] | undefined;
      readonly stream?: TrackedChoice;
    } = {},
  ): Result<Response, UpstreamFailure> {
    const { status = 200, headers = [["content-type", "application/json"]], stream } = parts;
    const chunks = "body" in parts ? parts.body : ['{"from":', '"upstream"}'];
    const body = chunks === undefined ? undefined : new TrackedStream(chunks, stream);
    if (body !== undefined) this.bodies.push(body);
    return ok({ status, headers: HeaderLines.of(...headers), body });
  }

  async send(request: UpstreamRequest, cancel: Cancel): Promise<Result<Response, UpstreamFailure>> {
    this.room = request.room;
    const read = await readBody(request.body, cancel);
    if (read === undefined) return err({ problem: "bad_request", cause: "the request body broke off" });
    const sent = {
      method: request.method,
      requestTarget: request.requestTarget,
      headers: request.headers.toRaw(),
      body: read,
      cancel,
    };
    this.requests.push(sent);
    return this.answer(sent, cancel);
  }

  hold(): () => void {
    this.held += 1;
    return () => void (this.held -= 1);
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

async function readBody(body: Body, cancel: Cancel): Promise<string | undefined> {
  if (!isStream(body)) return textOf(body ?? new Uint8Array());
  const gone = new Promise<undefined>((resolve) => cancel.onAbort(() => resolve(undefined)));
  const collected = await Promise.race([collect(body, { maxBytes: 64 * 1024 * 1024 }), gone]);
  if (collected === undefined) body.discard();
  return collected?.kind === "complete" ? textOf(collected.bytes) : undefined;
}
