import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BodyFailure } from "../../../src/model/body-failure.ts";
import type { ReviewRecord } from "../../../src/model/exchange-record.ts";
import type { Mode, Phase } from "../../../src/model/phase.ts";
import type { Answer as Answered } from "../../../src/ports/inbound.ts";
import type { Reviewer } from "../../../src/ports/review-client.ts";
import {
  allow,
  binding,
  blackHole,
  deny,
  fail,
  patch,
  respond,
  setHeader,
  type Answer,
  type FakeBinding,
} from "../../support/fake-binding.ts";
import type { FakeClock } from "../../support/fake-clock.ts";
import { Scene, turn, type Flying } from "../../support/pipeline.ts";
import { TrackedStream } from "../../support/tracked-stream.ts";

const ANSWERS = {
  allow: allow(),
  header: allow([setHeader("x-any", "1")]),
  response: allow([patch("add", "/response/headers/x-any", "1")]),
  body: allow([patch("replace", "/request/body", "patched")]),
  moves: allow([patch("replace", "/request/path", "/other")]),
  illegal: allow([setHeader("host", "elsewhere")]),
  deny: deny(),
  respond: respond(),
  fails: fail("unavailable"),
} satisfies Record<string, Answer>;

type Answering = keyof typeof ANSWERS;

type Script = Answering | "hangs" | "throws" | "rejects";

interface BindingScript {
  readonly phase: Phase;
  readonly mode: Mode;
  readonly script: Script;
  readonly failurePolicy: "fail-closed" | "fail-open";
  readonly onUnreviewable: "refuse" | "skip";
  readonly reads: "nothing" | "request" | "response" | "both";
  readonly maxBodyBytes: number;
  readonly elsewhere: boolean;
}

/** Nine times in ten the usual. */
const mostly = <T>(usual: T, ...rare: readonly T[]): fc.Arbitrary<T> =>
  fc.oneof({ weight: 9, arbitrary: fc.constant(usual) }, { weight: 1 + rare.length, arbitrary: fc.constantFrom(...rare) });

const phase = fc.constantFrom<Phase>("pre-auth", "pre-route", "post-response");

const bindingScript: fc.Arbitrary<BindingScript> = fc.record({
  phase,
  mode: fc.constantFrom<Mode>("mutate", "mutate", "validate", "observe"),
  script: mostly<Script>("allow", ...(Object.keys(ANSWERS) as Answering[]), "hangs", "throws", "rejects"),
  failurePolicy: fc.constantFrom("fail-closed", "fail-open"),
  onUnreviewable: fc.constantFrom("refuse", "skip"),
  reads: fc.constantFrom("nothing", "request", "response", "both"),
  maxBodyBytes: fc.constantFrom(0, 4, 100),
  elsewhere: fc.boolean(),
});

const body = fc.record({
  chunks: fc.array(fc.constantFrom("ab", "cdefgh", "x".repeat(60)), { maxLength: 4 }),
  chunked: fc.boolean(),
  ends: mostly<"well" | "breaks" | "stalls">("well", "breaks", "stalls"),
});

const play = fc.record({
  bindings: fc.array(bindingScript, { maxLength: 6 }),
  request: fc.option(body, { nil: undefined }),
  response: fc.option(body, { nil: undefined }),
  status: fc.constantFrom(200, 206, 500),
  upstream: mostly<"answers" | "fails" | "throws" | "hangs">("answers", "fails", "throws", "hangs"),
  leavesAfter: fc.option(fc.integer({ min: 0, max: 12 }), { nil: undefined, freq: 1 }),
  roomBytes: fc.constantFrom(0, 50, 10_000, 10_000, 10_000),
  maxBodyBytes: fc.constantFrom(5, 1000, 1000),
  guarded: mostly(false, true),
  stopsReading: fc.boolean(),
  markedAt: fc.constantFrom<Phase>("pre-auth", "pre-route"),
});

type Play = typeof play extends fc.Arbitrary<infer T> ? T : never;

function reviewerOf(script: Script, clock: FakeClock): Reviewer {
  if (script === "hangs") return blackHole(clock);
  if (script === "rejects") return () => Promise.reject(new Error("a bug"));
  if (script === "throws") {
    return () => {
      throw new Error("a bug");
    };
  }
  return () => Promise.resolve(ANSWERS[script]);
}

function cast(
  { phase, mode, script, reads, maxBodyBytes, ...rest }: BindingScript,
  index: number,
  clock: FakeClock,
): FakeBinding {
  const needs = [
    ...(reads === "request" || reads === "both" ? ["/request/body"] : []),
    ...(phase === "post-response" && (reads === "response" || reads === "both") ? ["/response/body"] : []),
  ];
  return binding(`b${index}`, {
    phase,
    mode,
    ...rest,
    order: [0, index],
    needs,
    writes: phase === "post-response" ? ["/response/headers"] : ["/request"],
    ...(needs.length > 0 || script === "body" ? { body: "text" as const } : {}),
    may: ["respond", "reroute"],
    limits: { maxBodyBytes, timeoutMs: 500 },
    review: reviewerOf(script, clock),
  });
}

function streamOf(made: NonNullable<Play["request"]>, cause: unknown): TrackedStream {
  return new TrackedStream(made.chunks, {
    chunked: made.chunked,
    stalls: made.ends === "stalls",
    ...(made.ends === "breaks" ? { breaksWith: cause } : {}),
  });
}

/** Whether a review lets nothing pass. */
function isStop({ ending }: ReviewRecord): boolean {
  if (ending.kind === "verdict") return ending.verdict === "deny";
  return ending.kind === "failure" ? ending.policy === "fail-closed" : ending.kind === "unreviewable" && !ending.skipped;
}

/** Lets the exchange run; the client leaves after so many turns, or in the end, where something hangs for good. */
async function answerOf(scene: Scene, flying: Flying, leavesAfter = 80): Promise<Answered> {
  let answer: Answered | undefined;
  void flying.answer.then((given) => (answer = given));
  for (let turns = 0; turns < 100; turns += 1) {
    if (turns === leavesAfter) flying.leave();
    await turn();
    if (answer !== undefined) return answer;
    scene.clock.advance(50);
  }
  throw new Error("the exchange hangs");
}

describe("whatever happens", () => {
  it("every body is read to its end or given up, all room comes back, the plan is let go once, there is one record, and nothing passes unreviewed", async () => {
    await fc.assert(
      fc.asyncProperty(play, async (given) => {
        const all: FakeBinding[] = [];
        const marker = binding("marker", {
          phase: given.markedAt,
          order: [0, 3],
          writes: ["/request/headers/x-marker"],
          review: allow([setHeader("x-marker", "marked")]),
        });
        const scene = new Scene(
          ({ clock }) => {
            all.push(...given.bindings.map((script, index) => cast(script, index, clock)));
            const { maxBodyBytes } = given;
            return [
              {
                match: { path: "/" },
                maxBodyBytes,
                bindings: [marker, ...all.filter((_each, index) => !given.bindings[index]!.elsewhere)],
                guardedBy: given.guarded ? ["slow"] : [],
              },
              { match: { path: "/other" }, maxBodyBytes, bindings: [marker, ...all] },
            ];
          },
          { roomBytes: given.roomBytes },
        );
        const responses: TrackedStream[] = [];
        scene.upstream.answer = (_request, cancel) => {
          if (given.upstream === "throws") throw new Error("a bug");
          if (given.upstream === "fails") return { ok: false, error: { problem: "upstream_unreachable", cause: "refused" } };
          if (given.upstream === "hangs")
            return new Promise((resolve) =>
              cancel.onAbort(() => resolve({ ok: false, error: { problem: "upstream_unreachable", cause: "cancelled" } })),
            );
          const stream = given.response === undefined ? undefined : streamOf(given.response, "the connection was lost");
          if (stream !== undefined) responses.push(stream);
          const plain = scene.upstream.respond({ status: given.status, body: undefined });
          return plain.ok ? { ok: true, value: { ...plain.value, body: stream } } : plain;
        };
        const request =
          given.request === undefined ? undefined : streamOf(given.request, new BodyFailure("request_timeout", "Too slow."));
        const flying = scene.begin({
          method: "POST",
          headers: { "content-type": "text/plain" },
          ...(request === undefined ? {} : { body: request }),
        });
        const answer = await answerOf(scene, flying, given.leavesAfter);
        const { response } = answer;
        if (response.body !== undefined && !(response.body instanceof Uint8Array)) {
          const flow = response.body.pipe({ write: () => !given.stopsReading, end() {}, fail() {} });
          await turn();
          flow.cancel();
        }
        answer.onSent({ bytes: 0, completed: true });
        await turn();
        for (const observation of scene.observations) observation.release();
        await scene.holder.close();

        expect(request?.isOver ?? true).toBe(true);
        expect(responses.map(({ isOver }) => isOver)).toEqual(responses.map(() => true));
        expect(scene.room.takenBytes).toBe(0);
        expect(scene.records).toHaveLength(1);
        expect(scene.retired).toBe(1);
        expect(scene.clock.pending).toBe(0);

        // nothing passes unreviewed, nobody is asked twice, and what failed closed stays closed
        expect(scene.upstream.requests.map(({ headers }) => headers.filter((text) => text === "marked").length)).toEqual(
          scene.upstream.requests.map(() => 1),
        );
        expect(all.filter(({ asked }) => asked.length > 1)).toEqual([]);
        const stops = scene.records[0]!.reviews.filter(isStop);
        if (stops.some((review) => review.phase !== "post-response")) expect(scene.upstream.requests).toEqual([]);
        if (stops.length > 0) expect(response.body === undefined || response.body instanceof Uint8Array).toBe(true);
        if (stops.length > 0) expect(response.status).toBeGreaterThanOrEqual(400);
      }),
      { numRuns: 2000 },
    );
  }, 60_000);
});
