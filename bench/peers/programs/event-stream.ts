/** Bytes of one event on the wire. */
export const EVENT_BYTES = 256;

/** Between two events of one stream, milliseconds. */
export const EVENT_PAUSE_MS = 10;

/** Streams that are open at once. */
export const STREAMS = 100;

/** An event that says when it was made, milliseconds of the machine's clock, filled up with dots. */
export const eventAt = (wallMs: number): string => `data: ${wallMs.toFixed(3)} `.padEnd(EVENT_BYTES - 2, ".") + "\n\n";

/** When the events in a text were made. */
export const eventTimes = (text: string): readonly number[] =>
  [...text.matchAll(/^data: ([\d.]+) /gm)].map(([, time]) => Number(time));

/** Milliseconds of the machine's clock, finer than `Date.now()`. */
export const wallMs = (): number => performance.timeOrigin + performance.now();
