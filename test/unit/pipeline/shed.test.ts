import { expect, it } from "vitest";
import { Scene } from "../../support/pipeline.ts";
import { TrackedStream } from "../../support/tracked-stream.ts";

it("answers a request that is shed with 503 and Retry-After, unlooked at, its body unread", async () => {
  const scene = new Scene();
  scene.sheds = "listener_full";
  const body = new TrackedStream(["not read"]);
  // nothing of it is judged: not even a target that would be refused
  const { response, onSent } = await scene.begin({ method: "POST", target: "nonsense", body }).answer;
  expect(response.status).toBe(503);
  expect(response.headers.joined("retry-after")).toBe("1");
  expect(JSON.parse(new TextDecoder().decode(response.body as Uint8Array))).toMatchObject({
    code: "gateway_overloaded",
    retryable: true,
  });
  onSent({ bytes: 1, completed: true });
  expect([body.state, scene.records, scene.holder.inFlight, scene.upstream.requests]).toEqual(["discarded", [], 0, []]);
});

it("counts a request as under way until its response is out, whatever became of it", async () => {
  const scene = new Scene();
  for (const choice of [{}, { target: "nonsense" }, { gone: true }]) {
    const flying = scene.begin(choice);
    expect(scene.underWay).toBe(1);
    await flying.reply();
    expect(scene.underWay).toBe(0);
  }
});
