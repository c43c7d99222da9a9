/** Why a request was not begun: too many are under way here or in all, or the process is hard-pressed. */
export const SHED_REASONS = ["gateway_full", "listener_full", "loop_delay", "heap"] as const;

export type ShedReason = (typeof SHED_REASONS)[number];

/** Whom a request was let in by; the same for all requests of a listener. */
export interface Entered {
  /** The request is over. Called exactly once for each that was let in. */
  leave(): void;
}

/** Counts the requests under way and decides, before anything is done for one, whether it is begun at all (R12). */
export interface Turnstile {
  /** Lets a request of this listener in, or sheds it and says why: that is then counted and told of already. */
  enter(listener: string): Entered | ShedReason;
}
