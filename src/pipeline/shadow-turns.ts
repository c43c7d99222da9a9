import type { Phase } from "@sallyport/contract/phase.ts";
import type { RunnableBinding } from "../ports/runnable-plan.ts";

/** The shadow bindings of one exchange (C33), told where it stands. Nothing here changes, delays or ends it, and nothing throws or rejects. */
export interface ShadowTurns {
  /** Bindings that match where the request stands. */
  readonly matched: readonly RunnableBinding[];
  /** The request stands at another place. Validators of a phase under way stay, as enforcing ones do (C2). */
  enter(bindings: readonly RunnableBinding[], phase: Phase | undefined): void;
  /** The turn of the mutators of a phase that stand before an enforcing one. */
  mutators(phase: Phase, before: RunnableBinding): void;
  /** The turn of those of a phase that are left, on the request as it stands now; all there is where nobody else reviews. */
  turns(phase: Phase): undefined;
  /** Queues whatever has all its bodies by now. */
  flush(): void;
  /** The exchange is over: what waited is queued with the bodies there are. Resolves when no view needs the exchange's room any more. */
  finish(): Promise<void>;
}
