import type { Peer } from "../peers/peer.ts";

/** One kind of request, and who is measured with it. */
export interface Scenario {
  readonly name: string;
  readonly title: string;
  /** What the client asks for; `own`: the peers bring their own load, and look themselves whether it is answered. */
  readonly request: ScenarioRequest | "own";
  readonly peers: readonly Contender[];
}

/** The request of a scenario. */
export interface ScenarioRequest {
  readonly path: string;
  /** JSON that is sent with POST; absent: GET. */
  readonly body?: string;
  /** Kept-alive connections; as the run was asked where absent. */
  readonly connections?: number;
  /** The upstream must have seen the tenant a review verified, or none: a peer that does not do the work is not measured. */
  readonly seenTenant: "acme" | undefined;
}

/** A peer, and how many reviews it must count for one request once it has answered a first one; absent where it counts none. */
export interface Contender {
  readonly peer: Peer;
  readonly reviews?: number;
}
