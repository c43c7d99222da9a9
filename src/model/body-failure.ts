import type { ProblemCode } from "./problem.ts";

/** Problems a request body can end in. */
export type BodyProblem = Extract<ProblemCode, "bad_request" | "body_too_large" | "client_closed" | "request_timeout">;

/**
 * Why a request body stream failed, where the client is to blame: the `cause` a `ByteSink.fail` is given. Whoever reads the
 * body tells it from a fault of the other side by `instanceof`.
 */
export class BodyFailure {
  readonly problem: BodyProblem;
  /** Public, a full sentence. */
  readonly detail: string;

  constructor(problem: BodyProblem, detail: string) {
    this.problem = problem;
    this.detail = detail;
  }
}
