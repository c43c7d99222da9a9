import type { JwkSet } from "../../ports/jwk-set.ts";
import type { LogLevel } from "../../ports/log.ts";
import type { EndpointState, ReviewClientStatus } from "../../ports/review-client.ts";

/** What the control process asks of a worker, by name. */
export const TO_WORKER = {
  /** Begin to serve. */
  start: "start",
  /** Serve by another plan from now on. */
  swap: "swap",
  /** Forget kept verdicts. */
  revoke: "revoke",
  /** Say how it stands. */
  look: "look",
  /** Give the metrics. */
  metrics: "metrics",
  /** Finish what is under way and take nothing new. */
  drain: "drain",
  /** End. */
  end: "end",
} as const;

/** What a worker asks of the control process, by name. */
export const TO_CONTROL = {
  /** Sign a token for an audience. */
  mint: "mint",
  /** An interceptor has reason to be described again. */
  describeAgain: "describe-again",
  /** Be replaced, and then drain. */
  leave: "leave",
} as const;

/** With what a worker begins. */
export interface WorkerStart {
  /** Its number, from 1. */
  readonly worker: number;
  readonly workers: number;
  readonly version: string;
  readonly level: LogLevel;
  readonly jwks: JwkSet;
  /** See `toSnapshot`. */
  readonly snapshot: unknown;
}

/** Where a worker listens. */
export interface ListeningDoor {
  readonly name: string;
  readonly scheme: "http" | "https";
  readonly host: string;
  readonly port: number;
  readonly path?: string;
}

/** How a worker stands. */
export interface WorkerState {
  readonly revision: string;
  /** Of its client for each interceptor, by name. */
  readonly clients: readonly (readonly [string, ReviewClientStatus])[];
}

/** Checked readers of what comes over the pipe; undefined where it is something else. */
export const read = {
  start: (value: unknown): WorkerStart | undefined => (isStart(value) ? value : undefined),
  doors: (value: unknown): readonly ListeningDoor[] | undefined =>
    Array.isArray(value) && value.every(isDoor) ? value : undefined,
  state: (value: unknown): WorkerState | undefined => (isState(value) ? value : undefined),
  jwks: (value: unknown): JwkSet | undefined => (isJwks(value) ? value : undefined),
  text: (value: unknown): string | undefined => (typeof value === "string" ? value : undefined),
  number: (value: unknown): number | undefined => (typeof value === "number" ? value : undefined),
  revoke: (value: unknown): { readonly interceptor: string; readonly tags: readonly string[] } | undefined =>
    isRevoke(value) ? value : undefined,
  token: (value: unknown): { readonly jwt: string; readonly issuedAtMs: number; readonly expiresAtMs: number } | undefined =>
    isToken(value) ? value : undefined,
} as const;

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> => typeof value === "object" && value !== null;

const isTexts = (value: unknown): value is readonly string[] =>
  Array.isArray(value) && value.every((each) => typeof each === "string");

const isJwks = (value: unknown): value is JwkSet =>
  isRecord(value) && Array.isArray(value["keys"]) && value["keys"].every(isRecord);

const isStart = (value: unknown): value is WorkerStart =>
  isRecord(value) &&
  typeof value["worker"] === "number" &&
  typeof value["workers"] === "number" &&
  typeof value["version"] === "string" &&
  LEVELS.has(value["level"]) &&
  isJwks(value["jwks"]) &&
  isRecord(value["snapshot"]);

const LEVELS: ReadonlySet<unknown> = new Set<LogLevel>(["debug", "info", "warn", "error"]);

const isDoor = (value: unknown): value is ListeningDoor =>
  isRecord(value) &&
  typeof value["name"] === "string" &&
  (value["scheme"] === "http" || value["scheme"] === "https") &&
  typeof value["host"] === "string" &&
  typeof value["port"] === "number" &&
  (value["path"] === undefined || typeof value["path"] === "string");

const isRevoke = (value: unknown): value is { readonly interceptor: string; readonly tags: readonly string[] } =>
  isRecord(value) && typeof value["interceptor"] === "string" && isTexts(value["tags"]);

const isToken = (value: unknown): value is { readonly jwt: string; readonly issuedAtMs: number; readonly expiresAtMs: number } =>
  isRecord(value) &&
  typeof value["jwt"] === "string" &&
  typeof value["issuedAtMs"] === "number" &&
  typeof value["expiresAtMs"] === "number";

const isState = (value: unknown): value is WorkerState =>
  isRecord(value) &&
  typeof value["revision"] === "string" &&
  Array.isArray(value["clients"]) &&
  value["clients"].every((each) => Array.isArray(each) && typeof each[0] === "string" && isStatus(each[1]));

const isStatus = (value: unknown): boolean =>
  isRecord(value) &&
  typeof value["connected"] === "boolean" &&
  typeof value["pendingReviews"] === "number" &&
  typeof value["cachedVerdicts"] === "number" &&
  Array.isArray(value["endpoints"]) &&
  value["endpoints"].every(isEndpoint);

const isEndpoint = (value: unknown): boolean =>
  isRecord(value) && typeof value["url"] === "string" && STATES.has(value["state"]) && typeof value["inFlight"] === "number";

const STATES: ReadonlySet<unknown> = new Set<EndpointState>(["connecting", "serving", "not-serving", "open", "half-open"]);
