import { describe, expect, it } from "vitest";
import { ANONYMOUS, type Principal } from "../../../src/model/principal.ts";
import type { Authentication, Authenticator } from "../../../src/ports/authenticator.ts";
import { binding } from "../../support/fake-binding.ts";
import { Scene } from "../../support/pipeline.ts";

const alice: Principal = { ...ANONYMOUS, id: "alice", anonymous: false, type: "static-token" };

const says = (name: string, found: Authentication | Promise<Authentication>): Authenticator & { asked: number } => {
  const authenticator = { name, asked: 0, authenticate: () => ((authenticator.asked += 1), found) };
  return authenticator;
};

const ABSENT: Authentication = { kind: "absent" };
const BAD: Authentication = { kind: "invalid", detail: "The credential is not accepted." };
const FOUND: Authentication = { kind: "principal", principal: alice };

describe("authenticating (C13)", () => {
  it.each([
    ["at once", BAD],
    ["later", Promise.resolve(BAD)],
  ])(
    "refuses a bad credential, found %s: it is no fall-through to the next authenticator, nor to anonymous",
    async (_when, bad) => {
      const next = says("next", FOUND);
      const scene = new Scene([{ authenticators: [says("first", bad), next], authenticate: ["first", "next", "anonymous"] }]);
      expect(await scene.send()).toMatchObject({
        status: 401,
        problem: { code: "credential_invalid" },
        headers: { "www-authenticate": "Bearer" },
        record: { principalId: "", ending: { kind: "refused", decidedBy: "authenticate" } },
      });
      expect(next.asked).toBe(0);
      expect(scene.upstream.requests).toEqual([]);
    },
  );

  it.each([
    ["at once", FOUND, ABSENT],
    ["later", Promise.resolve(FOUND), Promise.resolve(ABSENT)],
  ])("asks in order until one knows the caller, %s", async (_when, found, absent) => {
    const last = says("last", BAD);
    expect(await new Scene([{ authenticators: [says("first", absent), says("second", found), last] }]).send()).toMatchObject({
      status: 200,
      record: { principalId: "alice" },
    });
    expect(last.asked).toBe(0);
  });

  it("lets nobody in unknown, unless the route says anonymous", async () => {
    const strict = [says("first", ABSENT)];
    expect(await new Scene([{ authenticators: strict }]).send()).toMatchObject({
      status: 401,
      problem: { code: "credential_missing" },
    });
    expect(await new Scene([{ authenticators: strict, authenticate: ["first", "anonymous"] }]).send()).toMatchObject({
      status: 200,
      record: { principalId: "" },
    });
  });

  it("closes when an authenticator breaks", async () => {
    const scene = new Scene([
      {
        authenticators: [{ name: "breaks", authenticate: () => Promise.reject(new Error("secret-internal-text")) }],
        authenticate: ["breaks", "anonymous"],
      },
    ]);
    const reply = await scene.send();
    expect(reply).toMatchObject({ status: 500, problem: { code: "internal" } });
    expect(reply.text).not.toContain("secret-internal-text");
    expect(scene.upstream.requests).toEqual([]);
  });

  it("comes after pre-auth, whose bindings see nobody, and before pre-route, whose bindings see the caller", async () => {
    const before = binding("before", { phase: "pre-auth" });
    const after = binding("after");
    await new Scene([{ authenticators: [says("first", FOUND)], bindings: [before, after] }]).send();
    expect([before, after].map(({ asked }) => asked[0]!.subject.exchange.principal)).toEqual([ANONYMOUS, alice]);
  });
});
