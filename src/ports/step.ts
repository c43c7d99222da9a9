import type { Cancel } from "../model/cancel.ts";
import type { Exchange, Response } from "../model/exchange.ts";
import type { Refusal } from "../model/problem.ts";

/** What a step made of an exchange. Steps do not throw to refuse: a throw builds a stack exactly under overload. */
export type StepOutcome =
  | { readonly kind: "continue"; readonly exchange: Exchange }
  | { readonly kind: "refuse"; readonly refusal: Refusal }
  | { readonly kind: "respond"; readonly response: Response };

/** A configured policy at a stage. Only promises are awaited. */
export interface Step {
  readonly name: string;
  run(exchange: Exchange, cancel: Cancel): StepOutcome | Promise<StepOutcome>;
}
