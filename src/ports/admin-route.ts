/** A request to the admin listener, already authorized where the route asks for it. */
export interface AdminRequest {
  readonly query: Readonly<Record<string, string | undefined>>;
  readonly body: string;
}

/** An answer of the admin listener. */
export interface AdminAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
  /** How long others may keep the answer, seconds; undefined: not at all. */
  readonly maxAgeS?: number;
}

/** One admin endpoint, as data. */
export interface AdminRoute {
  readonly method: "GET" | "POST";
  readonly path: string;
  /** Shown in the served API description. */
  readonly summary: string;
  /** `public` needs no credential; `admin` needs the admin bearer. */
  readonly access: "public" | "admin";
  /** The JSON body it takes, as a sentence and a JSON Schema; absent where it takes none. */
  readonly takes?: { readonly means: string; readonly schema: Readonly<Record<string, unknown>> };
  /** Which statuses it answers with and what each means; shown in the served API description. */
  readonly answers: readonly { readonly status: number; readonly contentType: string; readonly means: string }[];
  answer(request: AdminRequest): AdminAnswer | Promise<AdminAnswer>;
}
