import { METHODS } from "node:http";
import type { FieldBlock } from "../../http1/field-block.ts";
import { err, ok, type Result } from "../../../model/result.ts";
import type { ListenerLimits } from "../listener-settings.ts";

/** A request head of which only one reading is possible, but for what `checkHead` decides. */
export interface RequestHead {
  readonly method: string;
  /** As sent. */
  readonly requestTarget: string;
  readonly minor: number;
  /** Names and trimmed values, alternating, as U+0000 to U+00FF (C25). */
  readonly raw: readonly string[];
  /** Whether the client says that it expects anything. */
  readonly expects: boolean;
  /** Whether the client means to send another request on the connection. */
  readonly persistent: boolean;
}

/**
 * Takes a scanned head out of its block. Refused, with why: a method Node's parser does not know, a target that is no path, no `*`
 * and no absolute URI, white space behind a transfer coding, which readers take for a part of it. Of more than `maxHeaders` header
 * lines one more is taken, so that they can be counted as too many; a target beyond `maxUriBytes` is taken as it is, to be refused for that.
 */
export function requestHead({ scanner, text }: FieldBlock, limits: HeadLimits): Result<RequestHead> {
  const method = text.slice(0, scanner.methodEnd);
  if (!KNOWN_METHODS.has(method)) return err("unknown method");
  const requestTarget = text.slice(scanner.methodEnd + 1, scanner.requestTargetEnd);
  const isTooLong = requestTarget.length > limits.maxUriBytes;
  if (!isTooLong && method !== "CONNECT" && !isTarget(requestTarget)) return err("illegal request target");
  const { marks, minor } = scanner;
  const raw: string[] = [];
  let expects = false;
  let closes = false;
  let keeps = false;
  const stop = Math.min(scanner.fieldCount, limits.maxHeaders + 1) * 4;
  for (let mark = 0; mark < stop; mark += 4) {
    const name = text.slice(marks[mark], marks[mark + 1]);
    const value = text.slice(marks[mark + 2], marks[mark + 3]);
    raw.push(name, value);
    // by length first: most lines are none of these
    switch (name.length) {
      case 6:
        if (name.toLowerCase() === "expect") expects = true;
        break;
      case 10:
      case 16:
        if (name.toLowerCase() !== "connection" && name.toLowerCase() !== "proxy-connection") break;
        if (CLOSE.test(value)) closes = true;
        if (KEEP_ALIVE.test(value)) keeps = true;
        break;
      case 17:
        if (name.toLowerCase() === "transfer-encoding" && text[marks[mark + 3] ?? 0] !== "\r")
          return err("white space behind the transfer coding");
        break;
      default:
    }
  }
  return ok({ method, requestTarget, minor, raw, expects, persistent: !closes && (minor === 1 || keeps) });
}

type HeadLimits = Pick<ListenerLimits, "maxHeaders" | "maxUriBytes">;

const isTarget = (text: string): boolean => text.startsWith("/") || text === "*" || ABSOLUTE.test(text);

const KNOWN_METHODS: ReadonlySet<string> = new Set(METHODS);

// what llhttp takes for an authority; ingress decides which of these name a host. Nothing stands where two parts of it could match the same
// characters: the time would grow with their square
const ABSOLUTE = /^[A-Za-z]+:\/\/(?:[-A-Za-z0-9_.!~*'()%;:&=+$,[\]]*@)?[-A-Za-z0-9_.!~*'()%;:&=+$,[\]]+(?:[/?].*)?$/;

const CLOSE = /(?:^|,)[ \t]*close[ \t]*(?:,|$)/i;
const KEEP_ALIVE = /(?:^|,)[ \t]*keep-alive[ \t]*(?:,|$)/i;
