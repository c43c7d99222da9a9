import type { PathPattern } from "../model/path-pattern.ts";
import type { BindingPlan, Power, ReviewLimits, CachePlan } from "../model/plan.ts";
import type { CertificateFiles } from "./certificate-files.ts";

/** An external review service as the operator declares it. */
export interface InterceptorConfig {
  readonly name: string;
  /** In the order of the file: at least one, all of one kind, no two alike. */
  readonly endpoints: readonly InterceptorEndpoint[];
  readonly breaker: BreakerConfig;
  /** `aud` of the tokens it is shown, unique among interceptors. */
  readonly audience: string;
  readonly order: number;
  readonly grant: "allowlist" | "exact" | "dynamic";
  /** SHA-256 of the only manifest that is accepted, lower-case hex; undefined: any. */
  readonly manifestDigest: string | undefined;
  /** What calls go over. */
  readonly transport: "lean" | "grpc-js";
  readonly maxConcurrentReviews: number;
  readonly maxPendingReviews: number;
  /** What holds for a binding the file does not list (grant `dynamic`). */
  readonly terms: ReviewTerms;
  readonly bindings: readonly BindingConfig[];
}

/** When an endpoint is asked no more for a while. */
export interface BreakerConfig {
  /** Failures in a row; 0: never. */
  readonly failures: number;
  /** Pause before the first try, milliseconds. */
  readonly openMs: number;
}

export type InterceptorEndpoint =
  /** `grpcs://`: mutual TLS. */
  | {
      readonly kind: "grpcs";
      readonly host: string;
      readonly port: number;
      readonly url: string;
      readonly tls: InterceptorTlsConfig;
    }
  /** `grpc://`: allowed by `allow_insecure: true`, worth a warning at every start. */
  | { readonly kind: "grpc"; readonly host: string; readonly port: number; readonly url: string }
  /** `unix:///path` (C39); with mutual TLS over it where `tls` says so. */
  | {
      readonly kind: "unix";
      readonly path: string;
      readonly url: string;
      readonly tls: InterceptorTlsConfig | undefined;
      readonly trust: UnixTrustConfig;
    };

/** Who may stand behind a unix socket. */
export interface UnixTrustConfig {
  /** Undefined: the gateway's own user. */
  readonly trustedUids: readonly number[] | undefined;
  readonly trustedGids: readonly number[];
  readonly peerCredentials: "required" | "if-available";
}

export interface InterceptorTlsConfig extends CertificateFiles {
  readonly caFile: string;
  /** Name checked in the peer's certificate; the endpoint's host unless the file says otherwise. Never an IP address. */
  readonly serverName: string;
}

/** How a review is made and what happens without a verdict; the binding's own keys, else the interceptor's, else the built-in ones. */
export interface ReviewTerms {
  readonly limits: ReviewLimits;
  /** `fail-open` for every observe binding. */
  readonly failurePolicy: BindingPlan["failurePolicy"];
  readonly onUnreviewable: "refuse" | "skip";
  readonly enforcement: BindingPlan["enforcement"];
  /** Undefined: no verdict is reused. */
  readonly cache: CachePlan | undefined;
  /** Content codings decoded for review. */
  readonly decode: readonly ContentCoding[];
}

export type ContentCoding = "gzip" | "br" | "zstd" | "deflate";

/** One binding the operator lists: its narrowing of the manifest. */
export interface BindingConfig {
  readonly id: string;
  readonly phase: BindingPlan["phase"];
  readonly mode: BindingPlan["mode"];
  readonly order: number;
  /** `false`: listed, and not granted. */
  readonly enabled: boolean;
  readonly match: SelectorConfig;
  /** View pointers; undefined: what the manifest asks for. */
  readonly needs: readonly string[] | undefined;
  readonly writes: readonly string[] | undefined;
  readonly expose: readonly string[];
  readonly may: readonly Power[];
  /** Undefined: the manifest's choice. */
  readonly body: BindingPlan["body"];
  /** Canonical JSON object text, keys sorted (sent in Describe); undefined without `config:`. */
  readonly configJson: string | undefined;
  /** 1 to 100; less than 100 only with `shadow`. */
  readonly percent: number;
  /** The operator accepts that each replica of the service counts for itself (C30). */
  readonly acceptReplicaScope: boolean;
  readonly terms: ReviewTerms;
}

/** Which exchanges: AND of the keys, OR within a list. An absent key means all; a present list is never empty. */
export interface SelectorConfig {
  readonly routes?: readonly string[];
  readonly exceptRoutes?: readonly string[];
  readonly routeLabels?: Readonly<Record<string, string>>;
  /** Lower case; `*.example.org` or exact. */
  readonly hosts?: readonly string[];
  readonly paths?: readonly PathPattern[];
  /** Upper case. GET includes HEAD (C26). */
  readonly methods?: readonly string[];
  /** Principal ids; never at pre-auth. */
  readonly principals?: readonly string[];
  readonly labels?: Readonly<Record<string, string>>;
  /** CEL source, not yet compiled; stands at `/interceptors/<i>/bindings/<j>/match/when`. */
  readonly when?: string;
}
