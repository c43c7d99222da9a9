import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { isStream } from "../../src/model/byte-stream.ts";
import { ERROR_FORMATS, type ErrorFormat } from "../../src/model/error-format.ts";
import type { Response } from "../../src/model/exchange.ts";
import { renderProblem } from "../../src/model/problem-body.ts";
import { PROBLEMS, type ProblemCode, type Refusal } from "../../src/model/problem.ts";
import { textOf } from "../support/byte-flow.ts";
import { REPOSITORY } from "../support/source-tree.ts";

// test/golden/problems/<format>.txt is what clients read of every problem there is. UPDATE_GOLDEN=1 writes them anew.
const UPDATE = process.env["UPDATE_GOLDEN"] === "1";

const OCCASION = { requestId: "r-1", correlationId: "c-1" };

// the keys of literal tables
const FORMATS = Object.keys(ERROR_FORMATS) as ErrorFormat[];
const CODES = Object.keys(PROBLEMS) as ProblemCode[];

const REFUSALS: readonly Refusal[] = [
  ...CODES.map((problem): Refusal => ({ problem, detail: "What to do." })),
  {
    problem: "review_denied",
    detail: 'Say "please".',
    status: 429,
    code: "quota_spent",
    retryable: true,
    headers: [["retry-after", "30"]],
    bodyJson: '{"left":0,"n":12345678901234567890}',
  },
  { problem: "interceptor_timeout", detail: "What to do.", status: 502, retryable: false },
];

const bodyText = ({ body }: Response): string => (body === undefined || isStream(body) ? "" : textOf(body));

function told(refusal: Refusal, format: ErrorFormat): string {
  const response = renderProblem(refusal, OCCASION, format);
  const lines: string[] = [];
  response.headers.each((name, value) => lines.push(`${name}: ${value}`));
  return [`${response.status}`, ...lines, "", bodyText(response), ""].join("\n");
}

describe("the form of errors", () => {
  it.each(FORMATS)("%s is what its golden file says, for every problem", (format) => {
    const text = REFUSALS.map((refusal) => told(refusal, format)).join("\n");
    const file = join(REPOSITORY, "test/golden/problems", `${format}.txt`);
    if (UPDATE) writeFileSync(file, text);
    expect(text).toBe(readFileSync(file, "utf8"));
  });

  it("changes the clothes and no fact: status, code, detail, retryable, body and the other headers are the same", () => {
    for (const refusal of REFUSALS) {
      const facts = FORMATS.map((format) => factsOf(renderProblem(refusal, OCCASION, format), format));
      for (const each of facts) expect(each).toEqual(facts[0]);
    }
  });
});

function factsOf(response: Response, format: ErrorFormat): unknown {
  // every form is a JSON object
  const whole = JSON.parse(bodyText(response)) as Record<string, Record<string, unknown>>;
  const members: Record<string, unknown> = format === "openai" ? (whole["error"] ?? {}) : whole;
  const headers = response.headers.without((name) => name === "content-type" || name === "x-should-retry").toRaw();
  const detail = format === "problem" ? members["detail"] : members["message"];
  const { code, retryable, body } = members;
  return { status: response.status, headers, detail, code, retryable, body };
}
