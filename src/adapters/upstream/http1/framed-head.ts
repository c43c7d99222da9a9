import { HeaderLines } from "../../../model/header-lines.ts";
import { err, ok, type Result } from "../../../model/result.ts";
import type { FieldBlock } from "../../http1/field-block.ts";

/** How the end of a body is found (RFC 9112 section 6.3). */
export type BodyFraming =
  | { readonly kind: "none" }
  | { readonly kind: "length"; readonly bytes: number }
  | { readonly kind: "chunked" }
  | { readonly kind: "until-close" };

/** A final response head that only one reading is possible of. */
export interface FramedHead {
  readonly status: number;
  readonly headers: HeaderLines;
  readonly framing: BodyFraming;
  /** Whether the connection may carry another request, as far as the upstream says. */
  readonly persistent: boolean;
  /** How long the upstream says it keeps the idle connection, milliseconds; undefined: it does not say. */
  readonly keptForMs: number | undefined;
}

/**
 * Judges a final head. Refused: a status beyond 599, a length that is not one canonical decimal in one line, a transfer coding
 * other than `chunked` in one line, both at once, a transfer coding in HTTP/1.0. Names and values are kept as U+0000 to
 * U+00FF (C25).
 */
export function framedHead(block: FieldBlock, method: string): Result<FramedHead> {
  const { status, minor } = block.scanner;
  if (status < 200 || status > 599) return err(`status ${status}`);
  const raw = linesOf(block);
  const watched = watch(block, raw);
  if (watched.fault !== "") return err(watched.fault);
  const { bytes, chunked, closes, keptForMs } = watched;
  if (chunked && bytes !== undefined) return err("content-length and transfer-encoding together");
  if (chunked && minor === 0) return err("transfer-encoding in HTTP/1.0");
  const bodyless = status === 204 || status === 304 || bytes === 0;
  const framing = bodyless ? NO_BODY : framingOf(bytes, chunked);
  // the same for HEAD: without a word on framing llhttp would not use the connection again, so neither do we
  // a 204 that announces a body may send it all the same, where the next response is awaited
  const isContradictory = status === 204 && (chunked || (bytes ?? 0) > 0);
  const persistent = minor === 1 && !closes && !isContradictory && framing.kind !== "until-close" && keptForMs !== 0;
  return ok({ status, headers: HeaderLines.fromRaw(raw), framing: method === "HEAD" ? NO_BODY : framing, persistent, keptForMs });
}

/** Judges a 101 that was asked for: refused where it speaks of a body, or in HTTP/1.0. What the protocol says of it is judged elsewhere. */
export function changingHead(block: FieldBlock): Result<FramedHead> {
  const { status, minor } = block.scanner;
  const raw = linesOf(block);
  const { bytes, chunked, fault } = watch(block, raw);
  if (minor === 0 || bytes !== undefined || chunked || fault !== "") return err("101 with framing of its own");
  return ok({ status, headers: HeaderLines.fromRaw(raw), framing: UNTIL_CLOSE, persistent: false, keptForMs: undefined });
}

/** Why an interim head cannot be dropped: it speaks of a body or an end, or a version, that it must not have. Undefined: it can. */
export function interimFault(block: FieldBlock): string | undefined {
  if (block.scanner.minor === 0) return "interim response in HTTP/1.0";
  if (block.scanner.fieldCount === 0) return undefined;
  const { bytes, chunked, closes, fault } = watch(block, linesOf(block));
  return bytes !== undefined || chunked || closes || fault !== "" ? "interim response with framing of its own" : undefined;
}

/** Names and values, alternating. */
function linesOf({ scanner, text }: FieldBlock): string[] {
  const { marks, fieldCount } = scanner;
  const raw: string[] = [];
  for (let mark = 0; mark < fieldCount * 4; mark += 4)
    raw.push(text.slice(marks[mark], marks[mark + 1]), text.slice(marks[mark + 2], marks[mark + 3]));
  return raw;
}

function watch({ scanner, text }: FieldBlock, raw: readonly string[]): Watched {
  const watched = new Watched();
  for (let i = 0; i < raw.length; i += 2) {
    const isTrimmed = text[scanner.marks[i * 2 + 3] ?? 0] !== "\r";
    watched.see(raw[i] ?? "", raw[i + 1] ?? "", isTrimmed);
  }
  return watched;
}

const NO_BODY: BodyFraming = { kind: "none" };
const CHUNKED: BodyFraming = { kind: "chunked" };
const UNTIL_CLOSE: BodyFraming = { kind: "until-close" };

const framingOf = (bytes: number | undefined, chunked: boolean): BodyFraming =>
  bytes !== undefined ? { kind: "length", bytes } : chunked ? CHUNKED : UNTIL_CLOSE;

/** An upstream that says it closes after n seconds is believed a second earlier. */
const KEPT_MARGIN_MS = 1_000;

/** What the lines that decide about framing say. */
class Watched {
  bytes: number | undefined;
  chunked = false;
  closes = false;
  keptForMs: number | undefined;
  fault = "";

  see(name: string, value: string, isTrimmed: boolean): void {
    // by length first: most lines are none of these
    switch (name.length) {
      case 10:
        return this.#seeConnection(name.toLowerCase(), value);
      case 14:
        if (name.toLowerCase() === "content-length") this.#seeLength(value);
        return;
      case 16:
        if (name.toLowerCase() === "proxy-connection") this.#seeConnection("connection", value);
        return;
      case 17:
        if (name.toLowerCase() === "transfer-encoding") this.#seeCoding(value, isTrimmed);
        return;
      default:
    }
  }

  #seeConnection(name: string, value: string): void {
    if (name === "connection" && CLOSE.test(value)) this.closes = true;
    const seconds = name === "keep-alive" ? KEPT_SECONDS.exec(value)?.[1] : undefined;
    if (seconds !== undefined) this.keptForMs = Math.max(0, Number(seconds) * 1000 - KEPT_MARGIN_MS);
  }

  #seeLength(value: string): void {
    const bytes = Number(value);
    if (this.bytes !== undefined || !CANONICAL_DECIMAL.test(value) || !Number.isSafeInteger(bytes))
      this.fault = "ambiguous content-length";
    this.bytes = bytes;
  }

  // llhttp takes HTAB behind the coding for a part of it, and would read on to the end of the connection
  #seeCoding(value: string, isTrimmed: boolean): void {
    if (this.chunked || isTrimmed || value.toLowerCase() !== "chunked") this.fault = "transfer-encoding other than chunked";
    this.chunked = true;
  }
}

const CANONICAL_DECIMAL = /^(?:0|[1-9][0-9]{0,15})$/;
const CLOSE = /(?:^|,)[ \t]*close[ \t]*(?:,|$)/i;
const KEPT_SECONDS = /(?:^|,)[ \t]*timeout=([0-9]{1,6})[ \t]*(?:,|$)/i;
