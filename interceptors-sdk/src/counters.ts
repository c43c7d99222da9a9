/** What happened since the interceptor was served; every field only grows, but `inFlight`. */
export interface ReviewCounters {
  readonly describes: number;
  readonly reviews: number;
  readonly allowed: number;
  readonly denied: number;
  readonly responded: number;
  /** Reviews answered with an error: `review` threw, or its verdict would have been refused. */
  readonly failed: number;
  /** Reviews not begun: unknown binding or config, undecodable, or more at once than served. */
  readonly refused: number;
  /** Reviews cancelled, or not finished within their deadline. */
  readonly abandoned: number;
  /** Denials that had to be cleaned up before they were sent. */
  readonly defects: number;
  /** Calls, Describe among them, whose token was no gateway's; they count nowhere else. */
  readonly unauthenticated: number;
  /** Times the gateway's public keys could not be read. */
  readonly keyReadFailures: number;
  readonly inFlight: number;
}

/** Nothing happened yet. */
export const NO_REVIEWS: ReviewCounters = {
  describes: 0,
  reviews: 0,
  allowed: 0,
  denied: 0,
  responded: 0,
  failed: 0,
  refused: 0,
  abandoned: 0,
  defects: 0,
  unauthenticated: 0,
  keyReadFailures: 0,
  inFlight: 0,
};
