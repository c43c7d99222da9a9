import { fromBinary } from "@bufbuild/protobuf";
import { reflect, type ReflectMessage } from "@bufbuild/protobuf/reflect";
import { decodedJson, decodeMessage, type AnswerTerms } from "./answer-json.ts";
import { isText, type EventRule, type FieldWay, type NameWay } from "./event-rules.ts";
import { endId, isEventId } from "./last-event-id.ts";

/** Longest name of an event, characters. */
const MAX_NAME = 128;

/** What became of a message. */
export type Told =
  | { readonly kind: "event"; readonly text: string }
  /** The client has it already. */
  | { readonly kind: "seen" }
  /** It is none of its type, or its id is not above the one before. */
  | { readonly kind: "broken"; readonly cause: string };

/** Makes events of the messages of one call. Ids only grow: what a client was told is never told again, and nothing is left out unseen. */
export class EventText {
  readonly #rule: EventRule;
  readonly #terms: AnswerTerms;
  #lastId: string;
  /** The id the request resumed from, until the first one came: services may begin with it or behind it. */
  #resumedFrom: string;

  /** `resumedFrom`: the id the request names as the last one seen; empty: none. */
  constructor(rule: EventRule, terms: AnswerTerms, resumedFrom: string) {
    this.#rule = rule;
    this.#terms = terms;
    this.#lastId = resumedFrom;
    this.#resumedFrom = resumedFrom;
  }

  /** The next message as an event. */
  next(bytes: Uint8Array): Told {
    const message = decodeMessage(bytes, this.#terms);
    const json = message && decodedJson(message, this.#terms);
    if (message === undefined || json === undefined) return broken("a message that is none of its type");
    const { event, id } = this.#rule;
    if (event === undefined && id === undefined) return { kind: "event", text: `data: ${json}\n\n` };
    const shown = reflect(this.#terms.call.method.output, message);
    const name = event === undefined ? "" : nameIn(shown, event);
    if (name.length > MAX_NAME || /[\0-\x1f\x7f]/.test(name)) return broken("a name of an event that is none");
    const head = name === "" ? "" : `event: ${name}\n`;
    const own = id === undefined ? "" : idIn(shown, id);
    if (own === "") return { kind: "event", text: `${head}data: ${json}\n\n` };
    return this.#withId(own, `${head}data: ${json}\n\n`);
  }

  #withId(id: string, text: string): Told {
    const isFirst = this.#resumedFrom !== "";
    const before = this.#lastId;
    if (isFirst) {
      const from = this.#resumedFrom;
      this.#resumedFrom = "";
      if (id === from) return { kind: "seen" };
    }
    if (!isEventId(id) || id.includes("!")) return broken("an id that is none");
    if (!this.#isAfter(id, before)) return broken(`an id that is not above the one before`);
    this.#lastId = id;
    return { kind: "event", text: `id: ${id}\n${text}` };
  }

  #isAfter(id: string, before: string): boolean {
    if (this.#rule.id !== undefined && isText(this.#rule.id)) return id !== before;
    return BigInt(id) > BigInt(before === "" ? "0" : before);
  }

  /** The gateway's own last event; empty without one. Its id tells that it was seen. */
  end(): string {
    const { terminal } = this.#rule;
    return terminal === "" ? "" : `id: ${endId(this.#lastId)}\nevent: ${terminal}\ndata: {}\n\n`;
  }
}

const broken = (cause: string): Told => ({ kind: "broken", cause });

/** The id a request names as the last one its client has seen, wherever in the request it stood; empty: none. */
export function resumedFrom({ resume }: EventRule, { method }: AnswerTerms["call"], bytes: Uint8Array): string {
  return resume === undefined ? "" : idIn(reflect(method.input, fromBinary(method.input, bytes)), resume);
}

function idIn(message: ReflectMessage, { within, field }: FieldWay): string {
  const holder = holderOf(message, within);
  if (holder?.isSet(field) !== true) return "";
  const value = holder.get(field);
  // no service counts from nothing: 0 is what it says of messages that are no part of the history
  return typeof value === "string" ? value : String(value) === "0" ? "" : String(value);
}

function nameIn(message: ReflectMessage, { within, named }: NameWay): string {
  const holder = holderOf(message, within);
  if (holder === undefined) return "";
  switch (named.kind) {
    case "oneof":
      return holder.oneofCase(named.oneof)?.jsonName ?? "";
    case "enum":
      return holder.isSet(named.field) ? (named.values.value[holder.get(named.field)]?.name ?? "") : "";
    case "text":
      return holder.isSet(named.field) ? String(holder.get(named.field)) : "";
    default:
      return named satisfies never;
  }
}

function holderOf(message: ReflectMessage, within: FieldWay["within"]): ReflectMessage | undefined {
  let holder = message;
  for (const field of within) {
    if (!holder.isSet(field)) return undefined;
    holder = holder.get(field);
  }
  return holder;
}
