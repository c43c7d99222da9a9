import type { PlanChange } from "../ports/admin-facts.ts";

/** Changes kept; a change is at most some 80 KiB. */
const MAX_CHANGES = 16;

/** The last changes of the plan in force. */
export class PlanHistory {
  #changes: readonly PlanChange[] = [];

  /** Newest first, at most 16. */
  get changes(): readonly PlanChange[] {
    return this.#changes;
  }

  note(change: PlanChange): void {
    this.#changes = [change, ...this.#changes].slice(0, MAX_CHANGES);
  }
}
