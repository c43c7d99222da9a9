import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { CaptureRoom } from "../../../src/app/capture-room.ts";
import { CancelSource } from "../../../src/model/cancel.ts";
import { HeaderLines } from "../../../src/model/header-lines.ts";
import { isStream } from "../../../src/model/byte-stream.ts";
import { BodySource, type BodyWish } from "../../../src/pipeline/body-source.ts";
import { HeldRoom } from "../../../src/pipeline/held-room.ts";
import { bindingPlan } from "../../support/binding-plan.ts";
import { RecordingSink } from "../../support/byte-flow.ts";
import { TrackedStream } from "../../support/tracked-stream.ts";

function sourceOf(roomBytes = 1000) {
  const room = new CaptureRoom(roomBytes);
  const held = new HeldRoom(room);
  return { room, held, source: new BodySource(held) };
}

const wish = (body: BodyWish["body"], captureBytes = 100, headers = HeaderLines.EMPTY): BodyWish => {
  const plan = bindingPlan({ body: "text" });
  return { binding: { ...plan, limits: { ...plan.limits, maxBodyBytes: captureBytes } }, body, headers, captureBytes };
};

const NEVER = new CancelSource();

describe("BodySource", () => {
  it("stops reading and gives the body up as soon as the client has gone", async () => {
    const { source, room } = sourceOf();
    const body = new TrackedStream(["some"], { chunked: true, stalls: true });
    const cancel = new CancelSource();
    const pending = source.show(wish(body), cancel);
    expect(room.takenBytes).toBe(100);
    cancel.abort();
    expect(await pending).toMatchObject({ kind: "broken" });
    expect(body.state).toBe("discarded");
    expect(room.takenBytes).toBe(0);
  });

  it("captures again what was too large for a smaller limit, when a route with a larger one is entered", async () => {
    const { source } = sourceOf();
    const first = await source.show(wish(new TrackedStream(["12345", "67890"], { chunked: true }), 5), NEVER);
    expect(first.kind).toBe("unreviewable");
    if (first.kind !== "unreviewable") return;
    expect(await source.show(wish(first.body, 5), NEVER)).toMatchObject({ kind: "unreviewable", body: first.body });
    expect(await source.show(wish(first.body, 20), NEVER)).toMatchObject({ kind: "shown", view: { text: "1234567890" } });
  });

  it("passes on the prefix and the rest of what was too large, byte for byte", async () => {
    const { source, room } = sourceOf();
    const shown = await source.show(wish(new TrackedStream(["12345", "67890", "abc"], { chunked: true }), 5), NEVER);
    if (shown.kind !== "unreviewable" || !isStream(shown.body)) throw new Error(`it is ${shown.kind}`);
    const sink = new RecordingSink();
    shown.body.pipe(sink);
    await sink.over;
    expect(sink.text).toBe("1234567890abc");
    expect(room.takenBytes).toBe(0);
  });

  it("decodes and parses once in a phase, and forgets both after it", async () => {
    const { source, room } = sourceOf(10_000);
    const bytes = gzipSync("hello");
    const headers = HeaderLines.of(["content-encoding", "gzip"]);
    const [one, two] = [await source.show(wish(bytes, 100, headers), NEVER), await source.show(wish(bytes, 100, headers), NEVER)];
    expect(one).toMatchObject({ kind: "shown", view: { text: "hello" }, body: bytes });
    expect(two.kind === "shown" && one.kind === "shown" && two.view === one.view).toBe(true);
    expect(room.takenBytes).toBe(5);
    source.forgetViews();
    expect(room.takenBytes).toBe(0);
    expect(await source.show(wish(bytes, 100, headers), NEVER)).toMatchObject({ view: { text: "hello" } });
  });

  it("shows a body anew when a patch changed what it is said to be", async () => {
    const { source } = sourceOf();
    const bytes = new TextEncoder().encode("{}");
    const plan = bindingPlan({ body: "json" });
    const as = (type: string) =>
      source.view(bytes, { binding: plan, captureBytes: 100, headers: HeaderLines.of(["content-type", type]) });
    expect((await as("text/plain")).kind).toBe("unreviewable");
    expect((await as("application/json")).kind).toBe("shown");
  });

  it("finds no room once the exchange is over", async () => {
    const { source, held } = sourceOf();
    held.close();
    expect(await source.show(wish(new TrackedStream(["late"])), NEVER)).toMatchObject({ kind: "no-room" });
  });
});
