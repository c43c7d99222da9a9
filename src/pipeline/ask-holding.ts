import { isStream, type Body, type ByteStream } from "../model/byte-stream.ts";
import type { Cancel } from "../model/cancel.ts";
import { err, ok, type Result } from "../model/result.ts";
import type { Holding, Upstream, UpstreamRequest } from "../ports/upstream.ts";
import { collect } from "../support/byte-streams.ts";
import { CLIENT_GONE, refused, type Ending } from "./ending.ts";
import type { ExchangeRun } from "./exchange-run.ts";
import { GrowingRoom } from "./growing-room.ts";
import { hasObservers } from "./observe.ts";
import { brokenRequest, noRoom } from "./show-bodies.ts";
import { unlessCancelled } from "./unless-cancelled.ts";
import { wantsBody } from "./wanted-bodies.ts";

/** Who is asked what. */
export interface Asking {
  readonly upstream: Upstream;
  readonly request: UpstreamRequest;
  readonly cancel: Cancel;
}

/** An upstream's answer, or the end of the exchange before there was one. */
export type Asked = Awaited<ReturnType<Upstream["send"]>> | { readonly end: Ending };

/**
 * Asks an upstream that has to hold the request whole: a place at it first, then room for the bytes as they come (C24). From then on the
 * exchange has bytes for a body: whoever is asked next can be asked the same.
 */
async function askHolding(run: ExchangeRun, holding: Holding, { upstream, request, cancel }: Asking): Promise<Asked> {
  const place = holding.reserve();
  if (!place.ok) {
    if (isStream(request.body)) request.body.discard();
    return place;
  }
  const room = new GrowingRoom(run.room, isStream(request.body) ? (request.body.declaredBytes ?? holding.maxBytes) : 0);
  const body = isStream(request.body) ? await hold(run, holding, { body: request.body, room, cancel }) : ok(request.body);
  place.value();
  if (!body.ok) return { end: body.error };
  const answer = await upstream.send({ ...request, body: body.value, room: new GrowingRoom(run.room, holding.maxBytes) }, cancel);
  if (isStream(request.body) && answer.ok && isStream(answer.value.body) && !isWantedAgain(run)) {
    // it was sent, and its answer may take hours
    run.exchange = { ...run.exchange, body: undefined };
    room.shrink(0);
  }
  return answer;
}

/** Whether a held request is still to be shown, or may be sent once more. */
const isWantedAgain = (run: ExchangeRun): boolean =>
  run.route.fallbacks.length > 0 ||
  run.shadows !== undefined ||
  hasObservers(run) ||
  run.matched.some((binding) => binding.plan.phase === "post-response" && wantsBody(binding, "request"));

/** Asks one upstream; another promise for each request is made only where there is something to hold. */
export function ask(run: ExchangeRun, asking: Asking): Promise<Asked> {
  const { upstream, request, cancel } = asking;
  const holding = upstream.holds?.(request);
  return holding === undefined ? upstream.send(request, cancel) : askHolding(run, holding, asking);
}

async function hold(
  run: ExchangeRun,
  { maxBytes }: Holding,
  { body, room, cancel }: { readonly body: ByteStream; readonly room: GrowingRoom; readonly cancel: Cancel },
): Promise<Result<Body, Ending>> {
  const { declaredBytes } = body;
  const isTooLarge = (declaredBytes ?? 0) > maxBytes;
  if (isTooLarge || !room.begin(declaredBytes)) {
    body.discard();
    return err(isTooLarge ? tooLarge(maxBytes) : refused("capture", noRoom("request")));
  }
  const collected = await unlessCancelled(collect(body, { maxBytes, mayHold: (bytes) => room.reach(bytes) }), cancel);
  switch (collected?.kind) {
    case "complete":
      room.shrink(collected.bytes.byteLength);
      run.exchange = { ...run.exchange, body: collected.bytes };
      run.copies.request?.capturedAs(collected.bytes);
      return ok(collected.bytes);
    case "too-large":
    case "no-room":
      collected.rest.discard();
      room.shrink(0);
      return err(collected.kind === "too-large" ? tooLarge(maxBytes) : refused("capture", noRoom("request")));
    case "broken":
      room.shrink(0);
      return err(brokenRequest(collected.cause));
    case undefined:
      body.discard();
      room.shrink(0);
      return err(CLIENT_GONE);
    default:
      return collected satisfies never;
  }
}

const tooLarge = (maxBytes: number): Ending =>
  refused("client", {
    problem: "body_too_large",
    detail: `The request body is larger than the ${maxBytes} bytes a call may have.`,
  });
