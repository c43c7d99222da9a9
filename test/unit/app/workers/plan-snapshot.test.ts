import { describe, expect, it } from "vitest";
import { readSnapshot, toSnapshot, type WorkerPlan } from "../../../../src/app/workers/plan-snapshot.ts";
import { compile } from "../../../../src/plan/compile.ts";
import { configOf, minimal } from "../../../support/config-text.ts";

/** Secrets at both places where a configuration has them. */
async function workerPlan(): Promise<WorkerPlan> {
  const { config } = await configOf(
    `${minimal().replace('"http://127.0.0.1:9000"]', '"http://127.0.0.1:9000"], credential: { slot: bearer, secret_file: up.txt }')}
authenticators:
  ops: { type: static-token, token_file: token.txt, principal: { id: ops } }
`,
    { files: { "up.txt": "s3cret-up", "token.txt": "s3cret-token" } },
  );
  const plan = compile(config, new Map(), () => ({ file: "", line: 1, column: 1 }));
  if (!plan.ok) throw new Error("it does not compile");
  return { plan: plan.value, config, manifests: new Map(), files: new Map([["ca.pem", "text"]]) };
}

describe("a plan on its way to a worker", () => {
  it("arrives as it was, its secrets included, deeply frozen", async () => {
    const sent = await workerPlan();
    const arrived = readSnapshot(structuredClone(toSnapshot(sent)));
    if (!arrived.ok) throw new Error(arrived.error);
    expect(arrived.value.plan).toEqual(sent.plan);
    expect(JSON.stringify(arrived.value.config)).toBe(JSON.stringify(sent.config));
    expect([...arrived.value.files]).toEqual([["ca.pem", "text"]]);
    expect(Object.isFrozen(arrived.value.plan.routes)).toBe(true);
    expect(Object.isFrozen(arrived.value.config.upstreams)).toBe(true);
    const [upstream] = arrived.value.config.upstreams;
    const [token] = arrived.value.config.authenticators;
    expect(upstream?.credential?.secret.reveal()).toBe("s3cret-up");
    expect(token?.type === "static-token" ? token.token.reveal() : "").toBe("s3cret-token");
  });

  it("is refused where it is not whole", async () => {
    const snapshot = toSnapshot(await workerPlan());
    const changed = structuredClone(snapshot) as { plan: { routes: { upstream: string }[] } }; // made above
    for (const route of changed.plan.routes) route.upstream = "another";
    expect(readSnapshot(changed)).toMatchObject({ ok: false, error: expect.stringMatching(/is not revision/) });
    for (const wrong of [undefined, null, 1, {}, { plan: {} }, { ...(snapshot as object), files: [["a", 1]] }])
      expect(readSnapshot(wrong)).toEqual({ ok: false, error: "what arrived is no plan" });
  });
});
