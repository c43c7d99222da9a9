import { describe, expect, it } from "vitest";
import type { Manifest } from "../../../src/model/manifest.ts";
import { audienceFault } from "../../../src/plan/audience-fault.ts";
import { compile } from "../../../src/plan/compile.ts";
import { configOf, interceptor, minimal } from "../../support/config-text.ts";

const manifest = (expectedAudience: string): Manifest => ({
  name: "tenancy",
  version: "1",
  expectedAudience,
  stateScope: "none",
  revokes: false,
  bindings: [
    {
      id: "assign-tenant",
      phase: "pre-route",
      mode: "mutate",
      selector: { methods: [], hosts: [], paths: [] },
      needs: [],
      writes: [],
      ownsHeaders: [],
      cacheable: false,
      idempotent: false,
      body: undefined,
      failClosed: false,
    },
  ],
});

describe("the audience a manifest expects", () => {
  it("is no fault where none is expected, or the operator's", () => {
    expect(audienceFault({ audience: "urn:a" }, manifest(""))).toBeUndefined();
    expect(audienceFault({ audience: "urn:a" }, manifest("urn:a"))).toBeUndefined();
  });

  it.each(["urn:b", "urn:A", "urn:a ", "urn:ab"])("is a fault where it is any other text: %s", (expected) => {
    expect(audienceFault({ audience: "urn:a" }, manifest(expected))).toContain('the operator\'s is "urn:a"');
  });

  it("is an issue of the plan at the interceptor's audience, and never becomes the operator's", async () => {
    const { config, positions } = await configOf(minimal(interceptor()));
    const compiled = compile(config, new Map([["tenancy", manifest("urn:of-the-service")]]), (pointer) => positions.at(pointer));
    expect(compiled.ok ? [] : compiled.error).toEqual([
      expect.objectContaining({ pointer: "/interceptors/0/audience", message: expect.stringContaining("urn:of-the-service") }),
    ]);
    expect(
      compile(config, new Map([["tenancy", manifest("urn:sallyport:interceptor:tenancy")]]), (pointer) => positions.at(pointer))
        .ok,
    ).toBe(true);
  });
});
