import type { PatchOperation } from "./json-patch.ts";
import type { Json } from "./json-value.ts";

/** What an interceptor answered (RFC.md, verdict), with everything in it checked that does not depend on the exchange. */
export type Verdict = AllowVerdict | DenyVerdict | RespondVerdict;

/** The exchange goes on, patched or not. */
export interface AllowVerdict {
  readonly kind: "allow";
  /** Well-formed operations; whether they apply is for `applyFieldPatches`. */
  readonly patches: readonly PatchOperation[];
  readonly annotations: readonly Annotation[];
  readonly warnings: readonly string[];
  /** Absent: the verdict is not to be reused. */
  readonly cache?: CachePolicy;
  /** Milliseconds until a long-lived exchange is reviewed again (C36); absent: never. */
  readonly validForMs?: number;
}

/** The interceptor gives the answer itself (C12). */
export interface RespondVerdict {
  readonly kind: "respond";
  /** 200 to 599. */
  readonly status: number;
  readonly headers: readonly HeaderLine[];
  readonly body: Uint8Array;
  readonly annotations: readonly Annotation[];
  readonly warnings: readonly string[];
}

/** How long an equal view may be answered alike (C34). */
export interface CachePolicy {
  readonly ttlMs: number;
  readonly tags: readonly string[];
}

/** The exchange ends with a problem. Everything in it is fit to be shown to the client. */
export interface DenyVerdict {
  readonly kind: "deny";
  /** 400 to 599. */
  readonly status: number;
  /** 1 to 16; absent: derived from `status` (C16). */
  readonly grpcCode?: number;
  readonly code: string;
  /** At most 1 KiB, without control characters, not empty. */
  readonly message: string;
  readonly headers: readonly HeaderLine[];
  /** Carried as a member of the problem. */
  readonly body?: Json;
  readonly annotations: readonly Annotation[];
  readonly warnings: readonly string[];
  /** Absent: the verdict is not to be reused. */
  readonly cache?: CachePolicy;
  /** What was dropped or defaulted, each once; counted, never a failure (C8). */
  readonly defects: readonly VerdictDefect[];
}

/** A part of a deny verdict that was not as the contract wants it. */
export type VerdictDefect =
  | "allow"
  | "respond"
  | "patches"
  | "status"
  | "grpc_code"
  | "code"
  | "message"
  | "headers"
  | "body"
  | "annotations"
  | "warnings"
  | "cache";

/** A non-secret note of a verdict, for log and audit. */
export interface Annotation {
  /** Not empty. */
  readonly name: string;
  readonly value: string;
}

/** One header line of a deny or respond verdict. */
export interface HeaderLine {
  /** Lower case. */
  readonly name: string;
  readonly value: string;
}
