import { describe, expect, it } from "vitest";
import { LiveClients } from "../../../src/app/live-clients.ts";
import { FakeReviewClient } from "../../support/fake-review-client.ts";

describe("the clients that some generation uses", () => {
  it("all hear of a revoke, each until it is disposed", async () => {
    const live = new LiveClients();
    const heard: string[] = [];
    const clients = ["old", "new"].map((name) => {
      const client = live.with("tenancy", new FakeReviewClient());
      client.onRevoked((tags) => heard.push(`${name} ${String(tags)}`));
      return client;
    });
    live.with("other", new FakeReviewClient()).onRevoked(() => heard.push("other"));
    expect(live.revoke("tenancy", ["a", "b"])).toBe(0);
    expect(heard).toEqual(["old a,b", "new a,b"]);
    await clients[0]?.[Symbol.asyncDispose]();
    expect(live.revoke("tenancy", ["c"])).toBe(0);
    expect(heard.slice(2)).toEqual(["new c"]);
  });

  it("are listened to by name, until they are disposed or nobody listens", async () => {
    const live = new LiveClients();
    const heard: string[] = [];
    const stop = live.onRevoked((name, tags) => heard.push(`${name} ${String(tags)}`));
    const [fake, gone] = [new FakeReviewClient(), new FakeReviewClient()];
    live.with("tenancy", fake);
    await live.with("other", gone)[Symbol.asyncDispose]();
    for (const client of [fake, gone]) client.revoke(["a"]);
    stop();
    fake.revoke(["b"]);
    expect(heard).toEqual(["tenancy a"]);
  });

  it("are none for a name that nobody has, or has any more", async () => {
    const live = new LiveClients();
    expect(live.revoke("tenancy", ["a"])).toBeUndefined();
    const fake = new FakeReviewClient();
    await live.with("tenancy", fake)[Symbol.asyncDispose]();
    expect([live.revoke("tenancy", ["a"]), fake.closed]).toEqual([undefined, true]);
  });
});
