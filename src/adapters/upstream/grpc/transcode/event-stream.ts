import { isStream } from "../../../../model/byte-stream.ts";
import type { Response } from "../../../../model/exchange.ts";
import { GRPC_STATUS } from "../../../../model/grpc.ts";
import type { HeaderLines } from "../../../../model/header-lines.ts";
import { err, ok, type Result } from "../../../../model/result.ts";
import type { UpstreamFailure } from "../../../../ports/upstream.ts";
import { isMetadata } from "./answer-json.ts";
import { EventBody, type EventTerms } from "./event-body.ts";
import { statusOf, type CallStatus } from "./status-answer.ts";

/**
 * A stream of messages as server-sent events. What comes first decides: a message, or silence, and the stream is open; a call that fails
 * before is an ordinary error; one that ends with OK before has nothing more, which is 204, on which clients stop coming back.
 */
export async function eventStream(
  response: Response,
  terms: EventTerms,
  answerOf: (status: CallStatus) => Response,
): Promise<Result<Response, UpstreamFailure>> {
  const { headers, body } = response;
  if (!isStream(body)) {
    const status = statusOf((name) => headers.first(name));
    if (status === undefined) return err({ problem: "upstream_invalid_response", cause: "no status" });
    return ok(status.code === GRPC_STATUS.OK ? nothingMore(headers, terms) : answerOf(status));
  }
  const events = new EventBody(body, terms);
  const begun = await events.begin();
  switch (begun.kind) {
    case "open":
      return ok({ status: 200, headers: eventHeaders(headers), body: events });
    case "empty":
      return ok(nothingMore(headers, terms));
    case "status":
      return ok(answerOf(begun.status));
    case "failed":
      return err(begun.failure);
    default:
      return begun satisfies never;
  }
}

/** A client that has not seen the gateway's own last event is given it; every other has seen all. */
export function nothingMore(headers: HeaderLines, { text, sawEnd }: Pick<EventTerms, "text" | "sawEnd">): Response {
  const end = sawEnd ? "" : text.end();
  if (end === "") return { status: 204, headers: headers.derive(isMetadata, []), body: undefined };
  return { status: 200, headers: eventHeaders(headers), body: new TextEncoder().encode(end) };
}

/** Nobody may keep a stream, nor gather it before it is passed on. */
const eventHeaders = (headers: HeaderLines): HeaderLines =>
  headers.derive(
    (name) => isMetadata(name) && name !== "cache-control",
    [...["content-type", "text/event-stream", "cache-control", "no-store", "x-accel-buffering", "no"]],
  );
