/** Randomness for ids; none of it is a secret. */
export interface Ids {
  /** A new request id, unique and unguessable enough to look up: visible ASCII. */
  requestId(): string;
  /** 32 lower-case hex digits, not all zero (W3C trace context). */
  traceId(): string;
  /** 16 lower-case hex digits, not all zero. */
  spanId(): string;
}
