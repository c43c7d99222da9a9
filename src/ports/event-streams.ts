/** The streams of events of a process which their clients can go on with elsewhere. Each is an exchange under way: bounded with those. */
export interface EventStreams {
  /** Takes one in; `end` is called once at most, when the process ends. The function takes it out, harmless when called again. */
  enter(end: () => void): () => void;
  /** The process ends: ends all of them over this time, and those that still come at once. */
  drain(overMs: number): void;
}
