import { describe, expect, it } from "vitest";
import { MessageLink } from "../../../../src/adapters/workers/message-link.ts";
import { FakeClock } from "../../../support/fake-clock.ts";
import { pipePair } from "../../../support/fake-workers.ts";

function linked() {
  const clock = new FakeClock();
  const { one, other, close } = pipePair();
  return { clock, one: new MessageLink(one, clock), other: new MessageLink(other, clock), close, pipe: one };
}

describe("questions and answers between two processes", () => {
  it("go both ways, each answer to its question, whatever the order", async () => {
    const { one, other } = linked();
    const first = Promise.withResolvers<string>();
    other.answer("slow", () => first.promise);
    other.answer("double", (payload) => Promise.resolve(Number(payload) * 2));
    one.answer("name", () => Promise.resolve("control"));
    const slow = one.ask("slow", null, 1000);
    expect(await one.ask("double", 21, 1000)).toEqual({ ok: true, value: 42 });
    expect(await other.ask("name", null, 1000)).toEqual({ ok: true, value: "control" });
    first.resolve("at last");
    expect(await slow).toEqual({ ok: true, value: "at last" });
  });

  it("have a deadline; what comes after it is nobody's", async () => {
    const { one, other, clock } = linked();
    const late = Promise.withResolvers<string>();
    other.answer("late", () => late.promise);
    const asked = one.ask("late", null, 500);
    clock.advance(499);
    clock.advance(1);
    expect(await asked).toEqual({ ok: false, error: "no answer to late within 500 ms" });
    late.resolve("too late");
    expect(clock.pending).toBe(0);
  });

  it("say what was thrown, and that a question is not known", async () => {
    const { one, other } = linked();
    other.answer("fails", () => Promise.reject(new Error("no room")));
    expect(await one.ask("fails", null, 100)).toEqual({ ok: false, error: "no room" });
    expect(await one.ask("unknown", null, 100)).toEqual({ ok: false, error: "unknown is not answered here" });
    expect(() => other.answer("fails", () => Promise.resolve())).toThrow("fails is answered already");
  });

  it("end when the other process does, those included that are asked later", async () => {
    const { one, other, close } = linked();
    other.answer("never", () => new Promise(() => {}));
    const asked = one.ask("never", null, 60_000);
    close();
    expect(await asked).toEqual({ ok: false, error: "the other process is gone" });
    expect(await one.ask("never", null, 60_000)).toEqual({ ok: false, error: "the other process is gone" });
  });

  it.each([
    null,
    7,
    "text",
    {},
    { kind: "ask", id: "1", name: "x", payload: 1 },
    { kind: "answer", id: 1 },
    { kind: "fail", id: 1 },
  ])("pass over messages of others: %j", async (message) => {
    const { one, other, pipe } = linked();
    other.answer("name", () => Promise.resolve("worker"));
    pipe.send(message);
    expect(await one.ask("name", null, 100)).toEqual({ ok: true, value: "worker" });
  });
});
