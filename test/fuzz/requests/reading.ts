/** One request as a reader took it. */
export interface ReadRequest {
  readonly method: string;
  readonly requestTarget: string;
  readonly minor: number;
  /** Names and trimmed values, alternating, a character a byte. */
  readonly lines: readonly string[];
  /** As far as it was given out, a character a byte. */
  readonly body: string;
  /** Whether the request is complete. */
  readonly ended: boolean;
}

/** What a reader made of a connection's bytes. */
export interface Reading {
  readonly requests: readonly ReadRequest[];
  /** Whether it would read a further request behind the last one. */
  readonly goesOn: boolean;
  /** Why bytes were refused. */
  readonly fault: string | undefined;
}

/** The same while it is read. */
export interface GrowingRequest extends ReadRequest {
  lines: readonly string[];
  body: string;
  ended: boolean;
}
