import { PROBLEMS, type ProblemCode } from "../model/problem.ts";
import type { AdminAnswer } from "../ports/admin-route.ts";

export const PROBLEM_TYPE = "application/problem+json";

/** A problem of the table (RFC 9457); `detail` is a sentence for whoever sent the request. */
export function problemAnswer(code: ProblemCode, detail: string): AdminAnswer {
  const { status, title } = PROBLEMS[code];
  return { status, contentType: PROBLEM_TYPE, body: `${JSON.stringify({ type: "about:blank", title, status, detail, code })}\n` };
}
