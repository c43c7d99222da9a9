import { describe, expect, it } from "vitest";
import { KeptBody } from "../../../src/support/kept-body.ts";
import { HandStream, RecordingSink } from "../../support/byte-flow.ts";

describe("a kept body", () => {
  it("outlives an attempt that gave it up, and flows in the next", () => {
    const source = new HandStream(5);
    const body = new KeptBody(source);
    body.discard();
    expect(source.discarded).toBe(false);
    expect(body).toMatchObject({ begun: false, declaredBytes: 5 });
    const sink = new RecordingSink();
    body.pipe(sink);
    source.write("hello");
    body.settle();
    expect(body.begun).toBe(true);
    expect(sink.text).toBe("hello");
    expect(source.discarded).toBe(false);
  });

  it("is given up when no other attempt will come, and the last one gave it up", () => {
    const source = new HandStream();
    const body = new KeptBody(source);
    body.discard();
    body.settle();
    expect(source.discarded).toBe(true);
  });

  it("is given up at once from then on", () => {
    const source = new HandStream();
    const body = new KeptBody(source);
    body.settle();
    expect(source.discarded).toBe(false);
    body.discard();
    expect(source.discarded).toBe(true);
  });
});
