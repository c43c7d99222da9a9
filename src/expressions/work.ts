/** What one evaluation may cost. */
export interface Work {
  /** Books work; ends the evaluation when there was too much of it. */
  spend(units: number): void;
}

/** Units of work one evaluation may do; one is some 20 ns, so that a hostile body holds the process for about 10 ms. */
export const MAX_WORK = 500_000;

/**
 * Thrown where an evaluation cannot go on: a missing key, values of the wrong type, too much work. One for all: it says nothing, the
 * condition counts as a match, and clients can cause as many of these as they like.
 */
export const FAULT: Error = new Error("the condition failed");

/** What catching one is booked as. */
export const FAULT_WORK = 100;
