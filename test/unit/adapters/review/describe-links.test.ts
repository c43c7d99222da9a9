import { Manifest as WireManifest } from "@sallyport/contract/gen/sallyport/interceptor/v1/interceptor.ts";
import { describe, expect, it } from "vitest";
import { ANY_MANIFEST, DescribeLinks, type ManifestTerms } from "../../../../src/adapters/review/describe-links.ts";
import { STATUS } from "../../../../src/adapters/review/status-to-failure.ts";
import type { CallOutcome } from "../../../../src/adapters/review/unary-call.ts";
import { CancelSource } from "../../../../src/model/cancel.ts";
import { fakeLinks } from "../../../support/fake-links.ts";

const manifest = (parts: Partial<WireManifest>): CallOutcome => ({
  kind: "reply",
  bytes: Buffer.from(WireManifest.encode(WireManifest.fromPartial({ name: "tenancy", ...parts })).finish()),
});

const FAILED: CallOutcome = { kind: "status", status: { code: STATUS.UNAVAILABLE, details: "not now" } };

function setUp(count: number, manifests: ManifestTerms = ANY_MANIFEST) {
  const all = fakeLinks(count);
  let missed = 0;
  const describing = new DescribeLinks(all.links, {
    clock: all.clock,
    log: all.log,
    interceptor: "tenancy",
    manifests,
    onMissed: () => (missed += 1),
  });
  const ask = () => {
    const answer = describing.ask(new Uint8Array(), { timeMs: 2_000, cancel: new CancelSource() });
    return answer.then((each) => (each.ok ? each.value.version : each.error.message));
  };
  /** The endpoint answers, and whoever waits for it hears of it. */
  const tell = async (index: number, outcome: CallOutcome): Promise<void> => {
    all.channels[index]?.answer(outcome);
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { ...all, ask, tell, missed: () => missed, matches: () => all.links.map((link) => link.manifest) };
}

describe("describing several endpoints", () => {
  it("gives the manifest of the first in the file, once it is known to be", async () => {
    const { ask, tell, matches } = setUp(3);
    const asked = ask();
    await tell(1, manifest({ version: "two" }));
    await tell(0, manifest({ version: "one" }));
    expect(await asked).toBe("one");
    await tell(2, manifest({ version: "three" }));
    expect(matches()).toEqual(["same", "same", "same"]);
  });

  it("waits a moment for those before the one that answered, and no longer", async () => {
    const { ask, tell, clock, matches, missed } = setUp(2);
    const asked = ask();
    await tell(1, manifest({ version: "two" }));
    clock.advance(250);
    expect(await asked).toBe("two");
    clock.advance(1_750);
    await new Promise((resolve) => setImmediate(resolve));
    expect(matches()).toEqual(["same", "same"]);
    expect(missed()).toBe(0);
    clock.advance(5_000);
    expect(missed()).toBe(1);
  });

  it("says of each who wants something else, once, and forgets it when that is over", async () => {
    const { ask, tell, log, links, matches } = setUp(2);
    for (const round of [1, 2]) {
      const asked = ask();
      await tell(0, manifest({}));
      await tell(1, manifest({ expectedAudience: "another" }));
      await asked;
      expect([round, matches()]).toEqual([round, ["same", "other"]]);
    }
    expect(log.events).toContain("manifest_differs");
    expect(log.events.filter((event) => event === "manifest_differs")).toHaveLength(1);
    expect(links[1]?.status.fault).toMatch(/differs/);
    const asked = ask();
    await tell(0, manifest({}));
    await tell(1, manifest({}));
    await asked;
    expect(matches()).toEqual(["same", "same"]);
    expect(links[1]?.status.fault).toBeUndefined();
  });

  it("passes over a manifest that may not be in force, and gives it only where there is no other", async () => {
    const pinned: ManifestTerms = { ...ANY_MANIFEST, accepts: ({ version }) => version === "pinned" };
    const { ask, tell, matches } = setUp(2, pinned);
    const asked = ask();
    await tell(0, manifest({ version: "other" }));
    await tell(1, manifest({ version: "pinned" }));
    expect(await asked).toBe("pinned");
    expect(matches()).toEqual(["refused", "same"]);
    const again = ask();
    await tell(0, manifest({ version: "other" }));
    await tell(1, FAILED);
    expect(await again).toBe("other");
  });

  it("fails when all fail, naming each", async () => {
    const { ask, tell } = setUp(2);
    const asked = ask();
    await tell(1, FAILED);
    await tell(0, FAILED);
    expect(await asked).toMatch(/^a: .*not now; b: .*not now$/);
  });
});
