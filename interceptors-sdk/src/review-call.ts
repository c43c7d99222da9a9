/** What a `review` function knows of the call it answers, besides the view. Valid until the function returns. */
export interface ReviewCall<Config = unknown> {
  /** Aborts when the deadline passes or the gateway cancels; hand it to everything awaited. */
  readonly signal: AbortSignal;
  /** Milliseconds left of the grant of time; 0 once it is spent (C21). */
  remainingMs(): number;
  /** The operator's `config:` of this binding, as the binding's `config` function returned it. */
  readonly config: Config;
  /** Unique for (exchange, phase, binding): the same id again means an earlier attempt may have been lost (C6). */
  readonly reviewId: string;
  /** 1 for the first attempt. */
  readonly attempt: number;
  /** Version of the gateway that last described this binding's config; empty before any Describe. */
  readonly gatewayVersion: string;
}
