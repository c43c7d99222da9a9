import type { BodyFormat, Mode, Phase } from "@sallyport/contract/phase.ts";
import type { Allow } from "./allow.ts";
import type { Deny } from "./deny.ts";
import type { Covered, NeedPointer, WritePointer } from "./pointer-types.ts";
import type { Respond } from "./respond.ts";
import type { ReviewCall } from "./review-call.ts";
import type { View } from "./view.ts";

/** Declares one binding: what it asks for, and the function that reviews. Checked whole by `defineInterceptor`. */
export function binding<
  const P extends Phase,
  const M extends Mode,
  const N extends readonly NeedPointer<P, M>[],
  const W extends readonly WritePointer<P, M>[] = readonly [],
  B extends BodyFormat = "json",
  C = unknown,
>(declaration: BindingDeclaration<P, M, N, W, B, C>): Binding {
  const { review, config, ...asked } = declaration;
  return new Binding({
    ...asked,
    parseConfig: config ?? ((value) => value),
    // the server builds view and call from this very declaration, so they are what `review` was typed with
    review: review as unknown as Reviewer,
  });
}

/** The argument of `binding`. Write `config` before `review`, so that the type of `call.config` is known there. */
export interface BindingDeclaration<
  P extends Phase,
  M extends Mode,
  N extends readonly string[],
  W extends readonly string[],
  B extends BodyFormat,
  C,
> {
  readonly phase: P;
  readonly mode: M;
  /** JSON pointers of the fields `review` reads; nothing else is sent. */
  readonly needs: N;
  /** JSON pointers of the fields its patches may change; the operator's grant may narrow them. */
  readonly writes?: W;
  /** Headers only this binding may set; the gateway removes them from what clients send (C11). */
  readonly ownsHeaders?: readonly string[];
  /** How bodies are shown when a body is among the needs. Default `json` (C24). */
  readonly body?: B;
  /** Which exchanges it wants to see; absent means all. */
  readonly match?: Match;
  /** The same review may be sent twice without harm (C6). */
  readonly idempotent?: boolean;
  /** Verdicts may be reused for an equal view, for as long as `cacheFor` says (C34). */
  readonly cacheable?: boolean;
  /** Asks that failures of this binding close the exchange; a manifest may ask for nothing weaker (C30). */
  readonly failClosed?: true;
  /** Checks and types the operator's `config:` (undefined when there is none). Throwing makes Describe fail. */
  config?(value: unknown): C;
  /** Answers one review. Throwing, or returning anything but an answer, is a review failure, never an allow. */
  review(
    view: View<NoInfer<M>, NoInfer<N>[number], NoInfer<B>>,
    call: ReviewCall<NoInfer<C>>,
  ): Answer<NoInfer<P>, NoInfer<M>, NoInfer<W>> | Promise<Answer<NoInfer<P>, NoInfer<M>, NoInfer<W>>>;
}

/** All lists must match; within a list one entry is enough. Path patterns are those of the gateway's routes. */
export interface Match {
  readonly methods?: readonly string[];
  readonly hosts?: readonly string[];
  readonly paths?: readonly string[];
}

/** What `review` may return: observers annotate, validators may also deny, mutators may also patch and respond. */
export type Answer<P extends Phase, M extends Mode, W extends readonly string[]> = M extends "mutate"
  ? Allow<Covered<W[number]>> | Deny | (P extends "post-response" ? never : Respond)
  : M extends "validate"
    ? Allow<never> | Deny
    : Allow<never>;

/** A review function as the server calls it: typed views are checked where the binding is written. */
export type Reviewer = (view: unknown, call: ReviewCall) => unknown;

/** A declared binding, its types erased; made by `binding`, consumed by `defineInterceptor`. */
export class Binding {
  readonly phase: Phase;
  readonly mode: Mode;
  readonly needs: readonly string[];
  readonly writes: readonly string[];
  readonly ownsHeaders: readonly string[];
  readonly body: BodyFormat;
  readonly match: Match;
  readonly idempotent: boolean;
  readonly cacheable: boolean;
  readonly failClosed: boolean;
  readonly parseConfig: (value: unknown) => unknown;
  readonly review: Reviewer;

  constructor(declared: ErasedDeclaration) {
    this.phase = declared.phase;
    this.mode = declared.mode;
    this.needs = listOf("needs", declared.needs);
    this.writes = listOf("writes", declared.writes ?? []);
    this.ownsHeaders = listOf("ownsHeaders", declared.ownsHeaders ?? []);
    this.body = declared.body ?? "json";
    this.match = declared.match ?? {};
    this.idempotent = declared.idempotent ?? false;
    this.cacheable = declared.cacheable ?? false;
    this.failClosed = declared.failClosed ?? false;
    this.parseConfig = declared.parseConfig;
    this.review = declared.review;
  }
}

/** A copy of a list of texts; plain JavaScript may have left it out, or written one text in its place. */
function listOf(name: string, list: readonly string[]): readonly string[] {
  if (Array.isArray(list) && list.every((item) => typeof item === "string")) return [...list];
  throw new TypeError(`binding: ${name} is a list of strings, [] for none`);
}

interface ErasedDeclaration extends Omit<
  BindingDeclaration<Phase, Mode, readonly string[], readonly string[], BodyFormat, unknown>,
  "review" | "config"
> {
  readonly parseConfig: (value: unknown) => unknown;
  readonly review: Reviewer;
}
