/** The facts of an error answer; every format tells the same ones. */
export interface ProblemFacts {
  /** `urn:sallyport:problem:<row>`. */
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly instance: string;
  /** Stable, for programs. */
  readonly code: string;
  readonly retryable: boolean;
  readonly requestId: string;
}

/** How a route's clients expect errors to look (`error_format`): `problem` is RFC 9457, `openai` what the SDKs of LLM providers read, `simple` three members. */
export type ErrorFormat = keyof typeof ERROR_FORMATS;

/** One form of error answers. */
export interface ErrorRenderer {
  readonly contentType: string;
  /** The header by which its clients decide whether to repeat by themselves; they do not read the body for that. */
  readonly retryHeader?: string;
  /** The body as JSON text; `bodyJson` is JSON of a denial's own, spliced in as its author spelled it (C9). */
  readonly render: (facts: ProblemFacts, bodyJson: string | undefined) => string;
}

/** The same facts, differently dressed. What a form has no member for stands in the headers: status, `x-request-id`. */
export const ERROR_FORMATS = {
  problem: {
    contentType: "application/problem+json",
    render: ({ requestId, ...facts }, bodyJson) => withBody({ ...facts, request_id: requestId }, bodyJson),
  },
  openai: {
    contentType: "application/json",
    retryHeader: "x-should-retry",
    render: ({ detail, status, code, retryable, requestId }, bodyJson) => {
      const error = { message: detail, type: openaiType(status), param: null, code, retryable, request_id: requestId };
      return `{"error":${withBody(error, bodyJson)}}`;
    },
  },
  simple: {
    contentType: "application/json",
    render: ({ code, detail, retryable }, bodyJson) => withBody({ code, message: detail, retryable }, bodyJson),
  },
} as const satisfies Record<string, ErrorRenderer>;

// numbers keep the spelling of whoever wrote them: the body is never parsed
function withBody(members: Readonly<Record<string, unknown>>, bodyJson: string | undefined): string {
  const text = JSON.stringify(members);
  return bodyJson === undefined ? text : `${text.slice(0, -1)},"body":${bodyJson}}`;
}

/** What clients of that API tell errors apart by, beside the status. */
function openaiType(status: number): string {
  if (status === 403) return "permission_error";
  if (status === 429) return "rate_limit_error";
  return status < 500 ? "invalid_request_error" : "server_error";
}
