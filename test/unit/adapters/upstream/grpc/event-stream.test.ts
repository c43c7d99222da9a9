import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { HOLD_MS } from "../../../../../src/adapters/upstream/grpc/transcode/event-body.ts";
import { acceptsEvents } from "../../../../../src/adapters/upstream/grpc/transcode/last-event-id.ts";
import { isStream } from "../../../../../src/model/byte-stream.ts";
import type { EventStreamPlan } from "../../../../../src/model/route-plan.ts";
import { ToldFailure } from "../../../../../src/model/told-failure.ts";
import { textOf, type RecordingSink } from "../../../../support/byte-flow.ts";
import { eventScene as scene, FOLLOW, TAIL } from "../../../../support/event-scene.ts";
import { textBody } from "../../../../support/upstream.ts";

const OK = ["grpc-status", "0"] as const;
const note = (sequence: string, text = "t") => ({ sequence, newNote: { text } });
const event = (id: string, text = "t"): string =>
  `id: ${id}\nevent: newNote\ndata: {"sequence":"${id}","newNote":{"text":"${text}"}}\n\n`;
const RETRY = "retry: 2000\n\n";

/** What came last, as a reader of the wire sees it. */
async function wordsOf(sink: RecordingSink): Promise<string> {
  const over = await sink.over;
  if (over.kind === "ended") return "";
  return over.cause instanceof ToldFailure && over.cause.words instanceof Uint8Array
    ? textOf(over.cause.words)
    : `cut: ${String(over.cause)}`;
}

describe("a stream of messages as events", () => {
  it("is a snapshot, what was missed, and what comes, with the id and the name of each", async () => {
    const { say, end, read, response } = await scene();
    say({ snapshot: { notes: 2 } }, note("1"));
    const { sink } = await read();
    say(note("2", 'line\n"two"'));
    end(OK);
    expect(await sink.over).toEqual({ kind: "ended" });
    expect(sink.text).toBe(
      `${RETRY}event: snapshot\ndata: {"snapshot":{"notes":2}}\n\n${event("1")}${event("2", 'line\\n\\"two\\"')}`,
    );
    expect((await response()).headers.toRaw()).toEqual([
      ...["content-type", "text/event-stream", "cache-control", "no-store", "x-accel-buffering", "no"],
    ]);
  });

  it.each([
    ["nothing", "/topics/a", [], { topic: "a" }],
    ["Last-Event-ID", "/topics/a", [["last-event-id", "18446744073709551615"]], { afterSequence: "18446744073709551615" }],
    ["the query", "/topics/a?after_sequence=7", [], { afterSequence: "7" }],
    ["both: the header is newer", "/topics/a?after_sequence=7", [["last-event-id", "9"]], { afterSequence: "9" }],
    ["an empty header", "/topics/a?after_sequence=7", [["last-event-id", ""]], { afterSequence: "7" }],
    ["0, which is no event", "/topics/a", [["last-event-id", "0"]], { topic: "a" }],
    ["the id of the end", "/topics/a", [["last-event-id", "9!end"]], { afterSequence: "9" }],
  ] as const)("goes on from where the request says: %s", async (_name, target, lines, asked) => {
    const { asked: sent } = await scene({ target }, ...lines);
    expect(sent()).toEqual({ topic: "a", ...asked });
  });

  it.each([
    ["letters", ["abc"]],
    ["a sign", ["-1"]],
    ["a zero in front", ["01"]],
    ["too many digits", ["1".repeat(21)]],
    ["more than the field holds", ["18446744073709551616"]],
    ["two", ["1", "2"]],
    ["spaces", ["1 2"]],
  ])("is refused where the last id is none: %s", async (_name, ids) => {
    const { answer, sent } = await scene({}, ...ids.map((id) => ["last-event-id", id] as const));
    expect(await answer).toMatchObject({ ok: false, error: { problem: "bad_request" } });
    expect(sent).toEqual([]);
  });

  it("takes strings for ids as they are, from fields within fields, and names from texts", async () => {
    const { say, end, read, asked } = await scene({ plan: TAIL, target: "/tail" }, ["last-event-id", "b/1=="]);
    expect(asked()).toEqual({ cursor: "b/1==" });
    say({ place: { cursor: "a/9" }, title: "two words", text: "x" }, { title: "", text: "y" });
    const { sink } = await read();
    end(OK);
    expect(sink.text).toBe(`${RETRY}id: a/9\nevent: two words\ndata: "x"\n\ndata: "y"\n\n`);
  });

  it("takes names from an enum", async () => {
    const { say, read } = await scene({ plan: { ...TAIL, event: "place.kind" }, target: "/tail" });
    say({ place: { cursor: "1", kind: "KIND_NOTE" } }, { place: { cursor: "2" } }, { text: "z" });
    const { sink } = await read();
    expect(sink.text).toBe(`${RETRY}id: 1\nevent: KIND_NOTE\ndata: ""\n\nid: 2\ndata: ""\n\ndata: "z"\n\n`);
  });

  it("leaves out the event the client has seen, for services that begin with it", async () => {
    const { say, read } = await scene({}, ["last-event-id", "7"]);
    say(note("7"), note("8"));
    expect((await read()).sink.text).toBe(`${RETRY}${event("8")}`);
  });

  it.each([
    ["one again", [note("8"), note("8")]],
    ["one from before", [note("8"), note("5")]],
    ["the one resumed from, later", [note("8"), note("7")]],
  ])("is broken off where the ids go back: %s", async (_name, messages) => {
    const { say, read, stream } = await scene({}, ["last-event-id", "7"]);
    say(...messages);
    const { sink } = await read();
    const words = await wordsOf(sink);
    expect(sink.text).toBe(`${RETRY}${event("8")}`);
    expect(words).toMatch(/^event: error\ndata: \{.*"status":502.*"code":"upstream_invalid_response","retryable":false.*\}\n\n$/);
    await Promise.resolve();
    expect(stream.cancelled).toBe(true);
  });

  it.each([
    ["a line break", "1\ndata: x"],
    ["a space", "1 2"],
    ["the mark of the end", "1!end"],
    ["too many characters", "1".repeat(257)],
    ["other than ASCII", "\u00e9"],
  ])("never tells an id with %s", async (_name, cursor) => {
    const { say, answer } = await scene({ plan: TAIL, target: "/tail" });
    say({ place: { cursor } });
    expect(await answer).toMatchObject({ ok: false, error: { problem: "upstream_invalid_response" } });
  });

  it("never tells a name with a line break", async () => {
    const { say, answer } = await scene({ plan: TAIL, target: "/tail" });
    say({ title: "a\ndata: b" });
    expect(await answer).toMatchObject({ ok: false, error: { problem: "upstream_invalid_response" } });
  });
});

describe("before the first event", () => {
  it.each([
    ["a status", (at: Awaited<ReturnType<typeof scene>>) => at.end(["grpc-status", "5"], ["grpc-message", "no"]), 404],
    ["an end with nothing more", (at: Awaited<ReturnType<typeof scene>>) => at.end(OK), 204],
  ])("%s is an ordinary answer", async (_name, hurt, status) => {
    const at = await scene();
    hurt(at);
    const response = await at.response();
    expect([response.status, isStream(response.body)]).toEqual([status, false]);
    expect(at.streams.size).toBe(0);
  });

  it.each([
    ["a break", (at: Awaited<ReturnType<typeof scene>>) => at.stream.sink?.fail("gone"), "upstream_invalid_response"],
    [
      "a silence too long",
      (at: Awaited<ReturnType<typeof scene>>) => at.stream.sink?.fail({ problem: "upstream_timeout" }),
      "upstream_timeout",
    ],
    ["no status", (at: Awaited<ReturnType<typeof scene>>) => at.stream.sink?.end(), "upstream_invalid_response"],
    ["an id from before", (at: Awaited<ReturnType<typeof scene>>) => at.say(note("6")), "upstream_invalid_response"],
  ])("%s is an ordinary failure", async (_name, hurt, problem) => {
    const at = await scene({}, ["last-event-id", "7"]);
    hurt(at);
    expect(await at.answer).toMatchObject({ ok: false, error: { problem } });
  });

  it("silence behind the service's head opens the stream", async () => {
    const { clock, read, say } = await scene();
    clock.advance(HOLD_MS);
    const { sink } = await read();
    expect(sink.text).toBe(RETRY);
    say(note("1"));
    expect(sink.text).toBe(`${RETRY}${event("1")}`);
  });
});

describe("behind the first event", () => {
  const begun = async (format: "problem" | "openai" | "simple" = "problem", plan: EventStreamPlan | null = FOLLOW) => {
    const at = await scene({ errorFormat: format, plan });
    at.say(note("1"));
    return { ...at, ...(await at.read()) };
  };

  it("the client's fault is told in the service's words, its own failure is not", async () => {
    const refused = await begun();
    refused.end(["grpc-status", "7"], ["grpc-message", "not yours"]);
    expect(await wordsOf(refused.sink)).toBe('event: error\ndata: {"code":7,"message":"not yours"}\n\n');
    const failed = await begun();
    failed.end(["grpc-status", "13"], ["grpc-message", "db-7 is down"]);
    const words = await wordsOf(failed.sink);
    expect(words).toMatch(/^event: error\ndata: \{.*"status":500.*"code":"upstream_error".*"request_id":"r1"\}\n\n$/);
    expect(words).not.toContain("db-7");
  });

  it.each([
    ["problem", '"code":"upstream_timeout","retryable":true,"request_id":"r1"'],
    ["openai", '{"error":{"message":"The upstream did not go on in time."'],
    ["simple", '{"code":"upstream_timeout","message":"The upstream did not go on in time.","retryable":true}'],
  ] as const)("a failure is told as the route tells errors: %s", async (format, text) => {
    const { stream, sink } = await begun(format);
    stream.sink?.fail({ problem: "upstream_timeout", cause: "idle" });
    expect(await wordsOf(sink)).toContain(text);
    expect(sink.endings).toBe(1);
  });

  it("a stream that cannot be gone on with invites nobody to repeat it", async () => {
    const { stream, sink } = await begun("simple", null);
    stream.sink?.fail("gone");
    expect(await wordsOf(sink)).toContain('"retryable":false');
  });

  it("silence is filled with comments, and a client that does not read gets none", async () => {
    const { clock, sink, say } = await begun();
    clock.advance(999);
    expect(sink.text).not.toContain(":\u0020keep");
    clock.advance(1);
    expect(sink.text.endsWith(": keep-alive\n\n")).toBe(true);
    clock.advance(500);
    say(note("2"));
    clock.advance(999);
    expect(sink.text.endsWith(event("2"))).toBe(true);
    const slow = await scene();
    slow.say(note("1"));
    const { sink: full, flow } = await slow.read(1);
    slow.clock.advance(10_000);
    expect(full.text).toBe(`${RETRY}${event("1")}`);
    expect(slow.say(note("2"))).toBe(false);
    const { resumed } = slow.stream;
    full.feed(5, flow);
    expect(slow.stream.resumed).toBe(resumed + 1);
  });

  it("a client that leaves ends the call, and leaves nothing behind", async () => {
    const { flow, stream, clock, streams } = await begun();
    flow.cancel();
    expect([stream.cancelled, clock.pending, streams.size]).toEqual([true, 0, 0]);
  });

  it("a process that ends sends its clients away between two events, with their last id", async () => {
    const { sink, stream, streams } = await begun();
    streams.drain(1_000);
    expect(await sink.over).toEqual({ kind: "ended" });
    expect([sink.text, stream.cancelled]).toEqual([`${RETRY}${event("1")}`, true]);
    const late = await scene();
    late.streams.drain(1_000);
    expect((await (await late.read()).sink.over).kind).toBe("ended");
  });

  it("streams nobody can go on with stay as long as the process does", async () => {
    const { streams, stream } = await begun("problem", { ...FOLLOW, id: "", resume: "" });
    streams.drain(0);
    expect(stream.cancelled).toBe(false);
  });
});

describe("the gateway's own last event", () => {
  const plan = { ...FOLLOW, terminal: "done" };
  const done = (id: string): string => `id: ${id}!end\nevent: done\ndata: {}\n\n`;

  it("stands behind a call that ended with OK, and behind no other", async () => {
    const whole = await scene({ plan });
    whole.say(note("1"));
    const { sink } = await whole.read();
    whole.end(OK);
    expect(sink.text).toBe(`${RETRY}${event("1")}${done("1")}`);
    const broken = await scene({ plan });
    broken.say(note("1"));
    const read = await broken.read();
    broken.end(["grpc-status", "14"]);
    expect(read.sink.text + (await wordsOf(read.sink))).not.toContain("done");
  });

  it.each([
    ["missed it gets it", "7", 200, done("7")],
    ["has seen it is told that there is no more", "7!end", 204, ""],
  ])("comes once: a client that %s", async (_name, id, status, text) => {
    const at = await scene({ plan }, ["last-event-id", id]);
    at.end(OK);
    const response = await at.response();
    expect([response.status, await textBody(response.body)]).toEqual([status, text]);
  });

  it("is followed by what the service has said since", async () => {
    const at = await scene({ plan }, ["last-event-id", "7!end"]);
    at.say(note("8"));
    const { sink } = await at.read();
    at.end(OK);
    expect(sink.text).toBe(`${RETRY}${event("8")}${done("8")}`);
  });

  it("ends a stream without ids for good: whoever has seen it is not served from the beginning again", async () => {
    const at = await scene({ plan: { ...plan, id: "", resume: "" } }, ["last-event-id", "!end"]);
    expect([(await at.response()).status, at.sent]).toEqual([204, []]);
  });
});

describe("what a client sees of a history, however it is cut", () => {
  it("is all of it, once, in order", async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 12 }), fc.array(fc.nat(5), { maxLength: 6 }), async (total, cuts) => {
        const seen: string[] = [];
        let last = "";
        for (const cut of [...cuts, total]) {
          const at = await scene({}, ...(last === "" ? [] : [["last-event-id", last] as const]));
          const from = Number(last);
          at.say({ snapshot: { notes: total } });
          const { sink } = await at.read();
          for (let id = from + 1; id <= Math.min(total, from + cut); id += 1) at.say(note(String(id)));
          at.stream.sink?.fail("cut");
          const ids = [...sink.text.matchAll(/^id: (.*)$/gm)].map(([, id = ""]) => id);
          seen.push(...ids);
          last = ids.at(-1) ?? last;
        }
        expect(seen).toEqual(Array.from({ length: total }, (_, at) => String(at + 1)));
      }),
      { numRuns: 40 },
    );
  });
});

describe("whatever a service sends", () => {
  it("is told in whole events and never as a line of its own making", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 5 }), async (chunks) => {
        const at = await scene({ plan: TAIL, target: "/tail" });
        at.say({ text: "first" });
        const { sink } = await at.read();
        for (const chunk of chunks) at.stream.sink?.write(chunk);
        at.end(OK);
        expect(sink.text + (await wordsOf(sink))).toMatch(/^(?:(?:(?:id|event|data|retry): [^\r\n]*\n)+\n)*$/);
      }),
    );
  });
});

describe("a client that takes events", () => {
  it.each([
    ["text/event-stream", true],
    ["application/json, text/event-stream;q=0.5", true],
    ["Text/Event-Stream ; charset=utf-8", true],
    ["text/event-stream;q=0", false],
    ["text/event-stream; q=0.000", false],
    ["text/event-streams", false],
    ["*/*", false],
    ["", false],
  ])("says so in accept: %s is %s", (accept, takes) => {
    expect(acceptsEvents(accept)).toBe(takes);
  });
});
