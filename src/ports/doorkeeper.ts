import type { Refusal } from "../model/problem.ts";

/** Knows how much is under way at all listeners of the process, and whether one more request may begin. */
export interface Doorkeeper {
  /** A request's head was read. */
  begun(listener: string): void;
  /** It was answered, or is gone. */
  over(listener: string): void;
  /** Why the request that has just begun there is turned away, before its body is read; undefined: it is let in. */
  refusal(listener: string): Refusal | undefined;
}
