import type { Place } from "../peers/peer.ts";

/** A figure of our gateway that is no cost per request. */
export interface Probe {
  readonly name: string;
  readonly title: string;
  /** How it is found, in one sentence. */
  readonly description: string;
  readonly unit: "KiB" | "MiB";
  /** Why it cannot be found on this machine; absent when it can. */
  missing(): string | undefined;
  /** Starts a fresh gateway and finds the figure once. Rejects when the gateway does not do what it is asked. */
  measure(place: Place, signal: AbortSignal): Promise<number>;
}

/** What a probe found, one figure for each gateway it started. */
export interface ProbeReport {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly unit: Probe["unit"];
  readonly figures: readonly number[];
}
