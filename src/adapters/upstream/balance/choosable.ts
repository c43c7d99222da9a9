/** What is known of an endpoint when a request needs one. */
export interface Choosable {
  /** Its origin: the same endpoint has the same, in every process. */
  readonly url: string;
  /** At least 1. */
  readonly weight: number;
  /** Lower ones are used as long as one of them serves. */
  readonly priority: number;
  /** Requests under way. */
  readonly inFlight: number;
}
