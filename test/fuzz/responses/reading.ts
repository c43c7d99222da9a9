/** What a reader made of a connection's bytes: of the first final response. */
export interface Reading {
  readonly status: number | undefined;
  /** Names and trimmed values, alternating, a character a byte. */
  readonly lines: readonly string[];
  /** As far as it was given out, a character a byte. */
  readonly body: string;
  /** Whether the response is complete. */
  readonly ended: boolean;
  /** Whether the connection may carry another one: nothing came behind it, and neither side closes. */
  readonly reusable: boolean;
  /** Why it was refused. */
  readonly fault: string | undefined;
}
