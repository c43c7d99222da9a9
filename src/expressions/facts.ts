import type { Exchange } from "../model/exchange.ts";
import { parseJson, type Json } from "../model/json.ts";
import { QueryText } from "../model/query-text.ts";
import type { Value } from "./values.ts";
import { FAULT, MAX_WORK, type Work } from "./work.ts";

/** What a condition is asked about: an exchange as patched so far (C22). A `ReviewSubject` is one. */
export interface PredicateFacts {
  readonly exchange: Exchange;
  readonly route: { readonly name: string; readonly labels: Readonly<Record<string, string>> };
  /** Undefined where there is no body, or it was not prepared because no condition reads it. */
  readonly requestBody: BodyFacts | undefined;
  readonly responseBody: BodyFacts | undefined;
}

/** A body as it was prepared for its reader. */
export type BodyFacts =
  | { readonly format: "json"; readonly value: Json }
  | { readonly format: "text"; readonly text: string }
  | { readonly format: "bytes"; readonly bytes: Uint8Array };

/** Names no condition may read (C23): lower-case headers, exact query names. */
export interface HiddenNames {
  readonly headers: ReadonlySet<string>;
  readonly query: ReadonlySet<string>;
}

/** One evaluation under way. */
export class Frame implements Work {
  readonly facts: PredicateFacts;
  /** Values of the iteration variables, outermost first. */
  readonly slots: Value[] = [];
  #workLeft = MAX_WORK;
  #query: QueryText | undefined;
  #claims: Json | undefined;

  constructor(facts: PredicateFacts) {
    this.facts = facts;
  }

  spend(units: number): void {
    this.#workLeft -= units;
    if (this.#workLeft < 0) throw FAULT;
  }

  /** The request's query, read once however often a loop asks. */
  get query(): QueryText {
    return (this.#query ??= new QueryText(this.facts.exchange.head.query ?? ""));
  }

  /** The principal's claims, an object; read once. */
  get claims(): Json {
    return (this.#claims ??= readClaims(this.facts.exchange.principal.claimsJson));
  }
}

function readClaims(text: string): Json {
  const claims = text === "" ? undefined : parseJson(text);
  return claims?.ok === true ? claims.value : new Map<string, Json>();
}
