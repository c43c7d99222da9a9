import type { ErrorFormat } from "../../../../model/error-format.ts";
import type { Response, TraceIds } from "../../../../model/exchange.ts";
import type { HeaderLines } from "../../../../model/header-lines.ts";
import { renderProblem } from "../../../../model/problem-body.ts";
import type { UpstreamFailure } from "../../../../ports/upstream.ts";
import type { CallStatus } from "./status-answer.ts";

/** Ids an error names. */
export type ErrorIds = Pick<TraceIds, "requestId" | "correlationId">;

/** What a route says of errors. */
export interface ErrorTerms {
  readonly errorFormat: ErrorFormat;
  /** An answer of the service's own as the route shows it: as it is, or as a problem in its place. */
  readonly shown: (answer: Response, ids: ErrorIds) => Response;
}

/** The ids of an exchange: the gateway has put them into the request. */
export const idsIn = (headers: HeaderLines): ErrorIds => {
  const requestId = headers.first("x-request-id") ?? "";
  return { requestId, correlationId: headers.first("x-correlation-id") ?? requestId };
};

/** How a stream that has begun ends with an error: what would have been the answer to the request, as JSON text on one line. */
export class ToldErrors {
  readonly #terms: ErrorTerms;
  readonly #ids: ErrorIds;
  readonly #answerOf: (status: CallStatus) => Response;

  constructor(terms: ErrorTerms, ids: ErrorIds, answerOf: (status: CallStatus) => Response) {
    this.#terms = terms;
    this.#ids = ids;
    this.#answerOf = answerOf;
  }

  /** The call ended with another status than OK. */
  status(status: CallStatus): string {
    return textOf(this.#terms.shown(this.#answerOf(status), this.#ids));
  }

  /** It did not come to its end. What was asked for has begun: only a client that can go on where it was is told to come back. */
  failure({ problem }: UpstreamFailure, retryable: boolean): string {
    return textOf(
      renderProblem(
        { problem, detail: DETAILS[problem] ?? "The upstream broke off.", retryable },
        this.#ids,
        this.#terms.errorFormat,
      ),
    );
  }
}

const DETAILS: Readonly<Partial<Record<UpstreamFailure["problem"], string>>> = {
  upstream_timeout: "The upstream did not go on in time.",
  gateway_overloaded: "The gateway has no room for what the upstream sends.",
};

const textOf = ({ body }: Response): string => (body instanceof Uint8Array ? new TextDecoder().decode(body) : "{}");
