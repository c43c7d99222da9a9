import { jsonTreeBytes } from "@sallyport/contract/json.ts";
import { isStream, type Body, type ByteStream } from "../model/byte-stream.ts";
import type { Cancel } from "../model/cancel.ts";
import type { HeaderLines } from "../model/header-lines.ts";
import type { BindingPlan } from "../model/plan.ts";
import { err, ok, type Result } from "../model/result.ts";
import type { BodyView } from "../ports/review-client.ts";
import { toBodyView } from "../review/body-view.ts";
import type { Unreviewable } from "../review/failure-answer.ts";
import { collect } from "../support/byte-streams.ts";
import { contentCoding, decodeBody, type ContentCoding, type DecodeProblem } from "../support/content-coding.ts";
import { GrowingRoom } from "./growing-room.ts";
import type { HeldRoom } from "./held-room.ts";
import { unlessCancelled } from "./unless-cancelled.ts";
import { codedBytes } from "./wanted-bodies.ts";

/** What became of a wish to see a body. `body` takes the place of the exchange's: the bytes, or the prefix and the rest verbatim (C18). */
export type Capture =
  | { readonly kind: "none"; readonly body: Body }
  | { readonly kind: "shown"; readonly view: BodyView; readonly body: Body }
  | { readonly kind: "unreviewable"; readonly why: Unreviewable; readonly body: Body }
  | { readonly kind: "no-room"; readonly body: Body }
  /** It never arrived completely, or the client went while it was waited for. */
  | { readonly kind: "broken"; readonly cause: unknown };

/** One message whose body is wanted. */
export interface BodyWish {
  readonly binding: BindingPlan;
  readonly body: Body;
  readonly headers: HeaderLines;
  /** Largest limit among the bindings that may want this body: it is captured once for all of them (C24). */
  readonly captureBytes: number;
  /** Whether the value of JSON is read, not only its text. */
  readonly readsValue?: boolean;
}

/** Captures the bodies of one exchange at most once each, decodes them, and shows them in each binding's format. */
export class BodySource {
  readonly #room: HeldRoom;
  /** Streams that turned out larger than so many bytes. */
  readonly #tooLarge = new WeakMap<ByteStream, number>();
  readonly #prepared = new Map<Uint8Array, Prepared>();
  /** Room taken for the values of JSON bodies, by view. */
  readonly #values = new Map<BodyView, number>();

  constructor(room: HeldRoom) {
    this.#room = room;
  }

  /** The body in the binding's format, read from the wire if it was not yet. Waits no longer than the client does. */
  async show(wish: BodyWish, cancel: Cancel): Promise<Capture> {
    const captured = await this.#capture(wish, cancel);
    return captured.kind === "bytes" ? this.view(captured.bytes, wish) : captured;
  }

  /** Bytes that are at hand, in the binding's format. */
  async view(bytes: Uint8Array, wish: Omit<BodyWish, "body">): Promise<Exclude<Capture, { kind: "broken" }>> {
    if (bytes.byteLength === 0) return { kind: "none", body: bytes };
    const plain = await this.#decode(bytes, wish);
    if (plain === undefined) return { kind: "no-room", body: bytes };
    const view = plain.ok ? this.#viewOf(bytes, plain.value, wish) : plain;
    if (!view.ok) return { kind: "unreviewable", why: view.error, body: bytes };
    if (wish.readsValue === true && !this.takeValue(view.value)) return { kind: "no-room", body: bytes };
    return { kind: "shown", view: view.value, body: bytes };
  }

  /** Takes room for what reading the value of a view makes of it, once for each view; false when there is none. Until the views are forgotten. */
  takeValue(view: BodyView): boolean {
    if (view.format !== "json" || this.#values.has(view)) return true;
    const roomBytes = jsonTreeBytes(view.text);
    if (!this.#room.take(roomBytes)) return false;
    this.#values.set(view, roomBytes);
    return true;
  }

  /** Forgets what was prepared for the bindings of one phase, which can be many times the body; the captured bytes stay. */
  forgetViews(): void {
    for (const { roomBytes } of this.#prepared.values()) this.#room.give(roomBytes);
    this.#prepared.clear();
    for (const roomBytes of this.#values.values()) this.#room.give(roomBytes);
    this.#values.clear();
  }

  async #capture(wish: BodyWish, cancel: Cancel): Promise<Capture | { readonly kind: "bytes"; readonly bytes: Uint8Array }> {
    const { body, captureBytes } = wish;
    if (body === undefined) return { kind: "none", body };
    if (!isStream(body)) return { kind: "bytes", bytes: body };
    const maxBytes = codedBytes(captureBytes, wish.headers);
    if (Math.max(body.declaredBytes ?? 0, (this.#tooLarge.get(body) ?? -1) + 1) > maxBytes) return tooLarge(body, captureBytes);
    const place = new GrowingRoom(this.#room, body.declaredBytes ?? maxBytes);
    if (!place.begin(body.declaredBytes)) return { kind: "no-room", body };
    const collected = await unlessCancelled(collect(body, { maxBytes, mayHold: (bytes) => place.reach(bytes) }), cancel);
    switch (collected?.kind) {
      case "complete":
        place.shrink(collected.bytes.byteLength);
        return { kind: "bytes", bytes: collected.bytes };
      case "too-large": {
        const rest = leaving(collected.rest, place);
        this.#tooLarge.set(rest, maxBytes);
        return tooLarge(rest, captureBytes);
      }
      case "no-room": {
        collected.rest.discard();
        place.shrink(0);
        return { kind: "no-room", body: collected.rest };
      }
      case "broken":
        place.shrink(0);
        return { kind: "broken", cause: collected.cause };
      case undefined:
        body.discard();
        place.shrink(0);
        return { kind: "broken", cause: "the client has gone" };
      default:
        return collected satisfies never;
    }
  }

  /** Undefined: there is no room for the decoded bytes. */
  async #decode(
    bytes: Uint8Array,
    { binding, headers, captureBytes }: Omit<BodyWish, "body">,
  ): Promise<Result<Uint8Array, Unreviewable> | undefined> {
    const coding = contentCoding(headers.joined("content-encoding"));
    if (coding === "identity") return ok(bytes);
    if (coding === "unsupported" || !binding.decode.includes(coding)) return UNKNOWN_CODING;
    const known = this.#prepared.get(bytes);
    if (known?.coding === coding && (known.plain.ok || known.maxBytes >= captureBytes)) return known.plain;
    const roomBytes = Math.min(captureBytes, bytes.byteLength * MAX_RATIO);
    if (!this.#room.take(roomBytes)) return undefined;
    const plain = await decodeForReview(bytes, coding, captureBytes);
    const keptBytes = plain.ok ? plain.value.byteLength : 0;
    this.#room.give(roomBytes - keptBytes + (known?.roomBytes ?? 0));
    this.#prepared.set(bytes, { coding, maxBytes: captureBytes, plain, roomBytes: keptBytes, views: new Map() });
    return plain;
  }

  #viewOf(bytes: Uint8Array, plain: Uint8Array, { binding, headers }: Omit<BodyWish, "body">): Result<BodyView, Unreviewable> {
    const { maxBodyBytes } = binding.limits;
    if (plain.byteLength > maxBodyBytes) return err(largerThan(maxBodyBytes));
    const format = binding.body ?? "json";
    const contentType = headers.joined("content-type");
    if (format === "bytes") return toBodyView(plain, format, contentType);
    const prepared = this.#preparedFor(bytes, plain);
    // parsing is the expensive part, and bindings of one phase mostly want the same
    const name = `${format} ${contentType ?? ""}`;
    const view = prepared.views.get(name) ?? toBodyView(plain, format, contentType);
    prepared.views.set(name, view);
    return view;
  }

  #preparedFor(bytes: Uint8Array, plain: Uint8Array): Prepared {
    const known = this.#prepared.get(bytes);
    if (known?.plain.ok === true && known.plain.value === plain) return known;
    const prepared: Prepared = {
      coding: "identity",
      maxBytes: plain.byteLength,
      plain: ok(plain),
      roomBytes: 0,
      views: new Map(),
    };
    this.#prepared.set(bytes, prepared);
    return prepared;
  }
}

/** What was too large gives its room back when it goes on its way: from then on it is no longer held for review. */
function leaving(rest: ByteStream, place: GrowingRoom): ByteStream {
  return {
    declaredBytes: rest.declaredBytes,
    pipe(sink) {
      place.shrink(0);
      return rest.pipe(sink);
    },
    discard(cause) {
      place.shrink(0);
      rest.discard(cause);
    },
  };
}

/** What was made of captured bytes for one phase. */
interface Prepared {
  readonly coding: ContentCoding | "identity";
  /** Decoded size at which decoding was given up. */
  readonly maxBytes: number;
  readonly plain: Result<Uint8Array, Unreviewable>;
  /** Room the decoded bytes take. */
  readonly roomBytes: number;
  /** By format and content type; bounded by the formats there are and the types bindings patch in. */
  readonly views: Map<string, Result<BodyView, Unreviewable>>;
}

const largerThan = (maxBytes: number): Unreviewable => ({ kind: "too-large", message: `it is larger than ${maxBytes} bytes` });

const tooLarge = (body: ByteStream, maxBytes: number): Capture => ({ kind: "unreviewable", why: largerThan(maxBytes), body });

const UNKNOWN_CODING: Result<never, Unreviewable> = err({
  kind: "unsupported",
  message: "its content-encoding is not one that is decoded for review",
});

async function decodeForReview(
  bytes: Uint8Array,
  coding: ContentCoding,
  maxBytes: number,
): Promise<Result<Uint8Array, Unreviewable>> {
  const decoded = await decodeBody(bytes, coding, { maxBytes, maxRatio: MAX_RATIO });
  return decoded.ok ? decoded : err(DECODE_PROBLEMS[decoded.error]);
}

const DECODE_PROBLEMS: Record<DecodeProblem, Unreviewable> = {
  malformed: { kind: "malformed", message: "it cannot be decoded" },
  "trailing-bytes": { kind: "malformed", message: "bytes follow its coded content" },
  "too-large": { kind: "too-large", message: "decoded it is larger than can be reviewed" },
  ratio: { kind: "too-large", message: "decoded it is too many times its size" },
};

/** A larger ratio is a bomb, not a body (C24). */
const MAX_RATIO = 100;
