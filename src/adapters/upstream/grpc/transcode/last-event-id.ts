import type { HeaderLines } from "../../../../model/header-lines.ts";
import { err, ok, type Result } from "../../../../model/result.ts";
import type { UpstreamFailure } from "../../../../ports/upstream.ts";
import { isText, type EventRule } from "./event-rules.ts";

/** Where a client that comes back stands. */
export interface LastEvent {
  /** Of the last event with an id; empty: it has seen none. */
  readonly id: string;
  /** It has seen the gateway's own last event as well. */
  readonly sawEnd: boolean;
}

/** Behind the id of the gateway's own last event; no id of a service has it. */
const END = "!end";

/** The id of the gateway's own last event: as good as the one before it, and tells that the end was seen. */
export const endId = (id: string): string => `${id}${END}`;

/** A text that may be an id: visible ASCII, so that it is the same in a header and in a stream, and ends neither. */
export const isEventId = (text: string): boolean => /^[\x22-\x7e]{1,256}$/.test(text);

/**
 * What `Last-Event-ID` says; undefined: it is not there, or empty. What is no id of such a stream is refused: a client that is told so
 * comes back no more, and one that is misunderstood would miss events.
 */
export function lastEvent(headers: HeaderLines, rule: EventRule): Result<LastEvent | undefined, UpstreamFailure> {
  const lines = headers.lines("last-event-id");
  const [text = ""] = lines;
  if (lines.length > 1) return err(refused("Last-Event-ID is there more than once."));
  if (text === "") return ok(undefined);
  const sawEnd = text.endsWith(END);
  const id = sawEnd ? text.slice(0, -END.length) : text;
  if (id === "") return ok({ id, sawEnd });
  if (rule.resume === undefined) return ok(undefined);
  if (isText(rule.resume)) return isEventId(id) ? ok({ id, sawEnd }) : err(refused("Last-Event-ID is no id of this stream."));
  if (!/^(?:0|[1-9][0-9]{0,19})$/.test(id)) return err(refused("Last-Event-ID is no id of this stream: expected digits."));
  return ok({ id: id === "0" ? "" : id, sawEnd });
}

const refused = (detail: string): UpstreamFailure => ({ problem: "bad_request", cause: "Last-Event-ID", detail });

/** Whether a client takes server-sent events, by its `accept`. */
export const acceptsEvents = (accept: string): boolean =>
  accept.split(",").some((range) => {
    const [type = "", ...parameters] = range.split(";").map((part) => part.trim().toLowerCase());
    return type === "text/event-stream" && !parameters.some((parameter) => /^q=0(?:\.0*)?$/.test(parameter));
  });
