import { describe, expect, it } from "vitest";
import type { Built } from "../../../src/app/built.ts";
import { DescribeLoop } from "../../../src/app/describe-loop.ts";
import type { Manifest } from "../../../src/model/manifest.ts";
import type { ReviewFailure } from "../../../src/model/review-failure.ts";
import { configOf, interceptor, minimal } from "../../support/config-text.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { FakeReviewClient } from "../../support/fake-review-client.ts";

const MANIFEST: Manifest = {
  name: "tenancy",
  version: "1",
  bindings: [],
  expectedAudience: "",
  stateScope: "none",
  revokes: false,
};
const DOWN: ReviewFailure = { kind: "unavailable", message: "connection refused" };

/** A loop over one interceptor that has answered, or has not. */
async function following(isMissing: boolean) {
  const client = new FakeReviewClient({ manifest: isMissing ? DOWN : MANIFEST });
  const files = { "ca.pem": "", "gw.pem": "", "gw.key": "" };
  const built: Pick<Built, "loaded" | "clients" | "undescribed"> = {
    loaded: await configOf(minimal(interceptor()), { files }),
    clients: new Map([["tenancy", client]]),
    undescribed: new Map(isMissing ? [["tenancy", "connection refused"]] : []),
  };
  const clock = new FakeClock();
  const answers: string[] = [];
  const refusals: string[] = [];
  const loop = new DescribeLoop(built, {
    clock,
    onAnswer: (name, { version }) => void answers.push(`${name} ${version}`),
    onRefused: (name, { message }) => void refusals.push(`${name} ${message}`),
  });
  /** Lets time pass, and what follows from it. */
  const pass = async (ms: number): Promise<void> => {
    clock.advance(ms);
    for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
  };
  return { client, clock, answers, refusals, loop, pass };
}

describe("the describe loop", () => {
  it("asks who has not answered again and again, with longer pauses, until he does, and then no more", async () => {
    const { client, clock, answers, pass } = await following(true);
    const askedAtMs: number[] = [];
    for (let nowMs = 0; nowMs < 2_000; nowMs += 50) {
      const before = client.described.length;
      await pass(50);
      if (client.described.length > before) askedAtMs.push(nowMs + 50);
    }
    expect(askedAtMs).toEqual([100, 300, 700, 1200, 1700]);
    client.manifest = MANIFEST;
    await pass(500);
    expect(answers).toEqual(["tenancy 1"]);
    expect(clock.pending).toBe(0);
  });

  it("leaves in peace who has answered, until he reconnects or says that he changed", async () => {
    const { client, clock, answers, pass } = await following(false);
    await pass(10_000);
    expect(client.described).toEqual([]);
    client.manifest = { ...MANIFEST, version: "2" };
    client.wantDescribe();
    await pass(0);
    expect([answers, clock.pending]).toEqual([["tenancy 2"], 0]);
  });

  it("loses no change: who had a reason to be asked and did not answer is asked again, at longer and longer pauses", async () => {
    const { client, clock, answers, pass } = await following(false);
    client.manifest = DOWN;
    client.wantDescribe();
    await pass(0);
    const askedAtMs: number[] = [];
    for (let nowMs = 0; nowMs < 100_000; nowMs += 500) {
      const before = client.described.length;
      await pass(500);
      if (client.described.length > before) askedAtMs.push(nowMs + 500);
    }
    expect(askedAtMs).toEqual([1_000, 3_000, 7_000, 15_000, 31_000, 61_000, 91_000]);
    client.manifest = { ...MANIFEST, version: "2" };
    await pass(30_000);
    expect([answers, clock.pending]).toEqual([["tenancy 2"], 0]);
  });

  it("leaves in peace who answered what cannot be taken, where there is something to go on with", async () => {
    const { client, clock, refusals, pass } = await following(false);
    client.manifest = { kind: "invalid", reason: "contract", message: "another digest" };
    client.wantDescribe();
    await pass(60_000);
    expect([refusals, client.described.length, clock.pending]).toEqual([["tenancy another digest"], 1, 0]);
  });

  it("goes on asking who never answered, also where his turn came while he was being asked for another reason", async () => {
    const { client, clock, answers, pass } = await following(true);
    let answer = (_manifest: Manifest | ReviewFailure): void => {};
    const slow = new Promise<Manifest | ReviewFailure>((resolve) => (answer = resolve));
    const { describe: atOnce } = client;
    client.describe = async (...call) => {
      client.manifest = await slow;
      return atOnce.apply(client, call);
    };
    client.wantDescribe();
    await pass(100);
    answer(DOWN);
    await pass(0);
    expect(clock.pending).toBe(1);
    client.describe = (...call) => atOnce.apply(client, call);
    client.manifest = MANIFEST;
    await pass(500);
    expect([answers, clock.pending]).toEqual([["tenancy 1"], 0]);
  });

  it("takes a reconnection for an answer: the timer that was set is taken back", async () => {
    const { client, clock, answers, pass } = await following(true);
    client.manifest = MANIFEST;
    client.wantDescribe();
    await pass(0);
    expect([answers, clock.pending]).toEqual([["tenancy 1"], 0]);
  });

  it("tells of an answer that is none to take, and asks on where there was no other", async () => {
    const { client, answers, refusals, pass } = await following(true);
    client.manifest = { kind: "invalid", reason: "contract", message: "another digest" };
    await pass(100);
    expect(refusals).toEqual(["tenancy another digest"]);
    client.manifest = MANIFEST;
    await pass(500);
    expect(answers).toEqual(["tenancy 1"]);
  });

  it("never asks twice at once: what was wanted meanwhile is asked afterwards, once", async () => {
    const { client, answers, loop, pass } = await following(false);
    for (let times = 0; times < 5; times += 1) client.wantDescribe();
    expect(client.described).toHaveLength(1);
    client.manifest = { ...MANIFEST, version: "2" };
    await pass(0);
    await pass(0);
    expect([client.described.length, answers]).toEqual([2, ["tenancy 1", "tenancy 2"]]);
    client.wantDescribe();
    expect(loop.stop()).toEqual(["tenancy"]);
  });

  it("stopped, neither asks nor tells", async () => {
    const { client, clock, answers, loop, pass } = await following(true);
    client.manifest = MANIFEST;
    client.wantDescribe();
    loop.stop();
    await pass(10_000);
    client.wantDescribe();
    await pass(0);
    expect([answers, clock.pending, client.described.length]).toEqual([[], 0, 1]);
  });
});
