import { describe, expect, it } from "vitest";
import { reReviewRecorder } from "../../../src/app/record-re-review.ts";
import type { ReReview } from "../../../src/pipeline/re-review.ts";
import type { Closing } from "../../../src/ports/long-lived.ts";
import { parts } from "../../support/long-lived.ts";
import { MemoryLog } from "../../support/memory-log.ts";

const RENEWED: ReReview = { kind: "renewed", terms: new Map(), silent: new Set(), reviews: [] };

const ended = (kind: "closed" | "failed", closing: Partial<Closing> = {}): ReReview => ({
  kind,
  closing: { code: "suspended", by: "svc/a", source: "client", reason: "denied", ...closing },
  reviews: [],
});

/** Level and outcome of the line, if there is one. */
function lineOf(asked: ReReview, reviews: "none" | "failures" | "all"): readonly unknown[] {
  const log = new MemoryLog();
  reReviewRecorder({ log, reviews: () => reviews })(parts().stream({ validForMs: 5000 }), asked, 3);
  return log.lines.map(({ level, event, fields }) => [level, event, fields["outcome"], fields["count"]]);
}

describe("the line of log about asking again (C36)", () => {
  it("is there for every time where all reviews are wanted, and for none where none are", () => {
    expect(lineOf(RENEWED, "all")).toEqual([["info", "re_review", "renewed", 3]]);
    expect(lineOf(ended("closed"), "all")).toEqual([["info", "re_review", "closed", 3]]);
    expect([lineOf(RENEWED, "none"), lineOf(ended("closed"), "none")]).toEqual([[], []]);
  });

  it("is there for what did not renew the stream where failures are wanted", () => {
    expect(lineOf(RENEWED, "failures")).toEqual([]);
    expect(lineOf(ended("closed"), "failures")).toEqual([["info", "re_review", "closed", 3]]);
    expect(lineOf(ended("failed", { source: "interceptor" }), "failures")).toEqual([["warn", "re_review", "failed", 3]]);
  });

  it("is there whatever is wanted where the gateway is to blame", () => {
    expect(lineOf(ended("failed", { source: "gateway" }), "none")).toEqual([["error", "re_review", "failed", 3]]);
  });
});
