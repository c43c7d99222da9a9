/** How a gateway of ours is set up; what is absent is as an operator gets it who says nothing. */
export interface SallyportTerms {
  readonly name: string;
  readonly description: string;
  /** Absent: no interceptor at all. */
  readonly reviews?: ReviewTerms;
  /** Routes in the configuration, most of which nobody asks for; `DEFAULT_ROUTES` where absent. */
  readonly routes?: number;
  /** Processes that serve; 1 where absent. */
  readonly workers?: number;
  /** Clients speak TLS to it. */
  readonly hasTls?: boolean;
  /** Clients speak HTTP/2 or HTTP/1.1, whichever they choose; over TLS. */
  readonly hasHttp2?: boolean;
  /** What reads requests, where the default is not meant. */
  readonly codec?: "sallyport";
  /** Ceiling on client connections, where the default does not do. */
  readonly connections?: number;
  /** Ceiling on a request body, where the default does not do. */
  readonly maxBodyBytes?: "2GiB";
}

/** What the interceptor of a measured gateway is asked. */
export interface ReviewTerms {
  /** Bindings on the reviewed route: mutators run one after the other, validators all at once. */
  readonly bindings: number;
  readonly mode: "mutate" | "validate" | "observe";
  /** What the bindings are shown. */
  readonly needs: readonly string[];
  readonly transport: "mtls" | "unix";
  /** Verdicts are reused for a minute. */
  readonly isCached?: boolean;
  /** Further bindings that match none of the requests sent; beyond what a manifest holds, further interceptors at the same endpoint. */
  readonly others?: number;
}

/** Other bindings of one interceptor; a manifest holds 256. */
export const OTHERS_IN_MANIFEST = 250;

/** Routes of a measured gateway, and the smaller side of the goal about their number. */
export const DEFAULT_ROUTES = 10;
