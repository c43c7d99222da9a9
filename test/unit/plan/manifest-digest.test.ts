import { describe, expect, it } from "vitest";
import type { Manifest } from "../../../src/model/manifest.ts";
import { manifestDigest, pinFault } from "../../../src/plan/manifest-digest.ts";
import { sha256Hex } from "../../../src/support/hash.ts";
import { compileText, configText, declared, interceptor, listed, manifest } from "../../support/plan.ts";

const FULL = declared("assign", {
  needs: ["/principal", "/request/path"],
  writes: ["/labels/tenant"],
  selector: { methods: ["GET", "POST"], hosts: [], paths: [] },
  failClosed: true,
});

describe("the digest of a manifest (C30)", () => {
  it("is the SHA-256 of the JSON the RFC describes", () => {
    const text =
      '{"bindings":[{"fail_closed":true,"id":"assign","mode":"mutate","needs":["/principal","/request/path"],"phase":"pre-route","selector":{"methods":["GET","POST"]},"writes":["/labels/tenant"]}],"name":"svc","state_scope":"none","version":"1.0.0"}';
    expect(manifestDigest(manifest(FULL))).toBe(sha256Hex(text));
  });

  it("does not depend on the order of any list", () => {
    const other = declared("other");
    const turned = { ...FULL, needs: FULL.needs.toReversed(), selector: { ...FULL.selector, methods: ["POST", "GET", "GET"] } };
    expect(manifestDigest(manifest(other, turned))).toBe(manifestDigest(manifest(FULL, other)));
  });

  const changes: readonly (readonly [string, Partial<Manifest>])[] = [
    ["its version", { version: "1.0.1" }],
    ["its audience", { expectedAudience: "urn:a" }],
    ["its scope of state", { stateScope: "replica" }],
    ["that it revokes", { revokes: true }],
    ["a binding more", { bindings: [FULL, declared("more")] }],
    ["a field it needs", { bindings: [{ ...FULL, needs: ["/principal"] }] }],
    ["a header it owns", { bindings: [{ ...FULL, ownsHeaders: ["x-a"] }] }],
    ["a body format", { bindings: [{ ...FULL, body: "text" }] }],
    ["that it may be cached", { bindings: [{ ...FULL, cacheable: true }] }],
    ["nothing declared", { bindings: [] }],
  ];
  it.each(changes)("changes with %s", (_what, change) => {
    expect(manifestDigest({ ...manifest(FULL), ...change })).not.toBe(manifestDigest(manifest(FULL)));
  });
});

describe("a pinned manifest (C30)", () => {
  const pinned = manifestDigest(manifest(FULL));
  const text = (digest: string) =>
    configText({ interceptors: [interceptor("svc", [listed("assign")], { manifest_digest: digest })] });

  it("is taken where it is the one, and any is where none is pinned", async () => {
    expect(pinFault({ manifestDigest: pinned }, manifest(FULL))).toBeUndefined();
    expect(pinFault({ manifestDigest: undefined }, manifest())).toBeUndefined();
    expect((await compileText(text(pinned), { svc: manifest(FULL) })).ok).toBe(true);
  });

  it("is an issue that names both digests where it is another", async () => {
    const other = { ...manifest(FULL), version: "2.0.0" };
    const compiled = await compileText(text(pinned), { svc: other });
    expect(compiled.ok ? [] : compiled.error).toMatchObject([
      {
        pointer: "/interceptors/0/manifest_digest",
        message: `the manifest has the digest ${manifestDigest(other)}, the operator's manifest_digest is ${pinned}`,
      },
    ]);
  });
});
