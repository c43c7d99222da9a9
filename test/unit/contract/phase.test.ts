import { describe, expect, it } from "vitest";

import * as wire from "@sallyport/contract/gen/sallyport/interceptor/v1/interceptor.ts";
import { FIXED_LIMITS, LIMITS } from "@sallyport/contract/limits.ts";
import { BODY_FORMATS, bodyFormatFromWire, modeFromWire, MODES, phaseFromWire, PHASES } from "@sallyport/contract/phase.ts";

describe("phases, modes and body formats", () => {
  it("have the wire values of the .proto file", () => {
    const wireName = (name: string): string => name.toUpperCase().replaceAll("-", "_");
    const valuesOf = (table: Readonly<Record<string, { readonly wire: number }>>) =>
      Object.fromEntries([["UNSPECIFIED", 0], ...Object.entries(table).map(([name, row]) => [wireName(name), row.wire])]);
    expect(valuesOf(PHASES)).toEqual(wire.Phase);
    expect(valuesOf(MODES)).toEqual(wire.Mode);
    expect(valuesOf(BODY_FORMATS)).toEqual(wire.BodyFormat);
  });

  it("are found by wire value, and values this contract does not know are not", () => {
    expect(phaseFromWire(3)).toBe("post-response");
    expect(modeFromWire(1)).toBe("observe");
    expect(bodyFormatFromWire(2)).toBe("text");
    for (const unknown of [0, 4, 99, -1]) {
      expect(phaseFromWire(unknown)).toBeUndefined();
      expect(modeFromWire(unknown)).toBeUndefined();
      expect(bodyFormatFromWire(unknown)).toBeUndefined();
    }
  });

  it("rank modes from weakest to strongest, and fail closed unless told otherwise", () => {
    expect(MODES.observe.rank).toBeLessThan(MODES.validate.rank);
    expect(MODES.validate.rank).toBeLessThan(MODES.mutate.rank);
    for (const phase of Object.values(PHASES)) expect(phase.defaultFailurePolicy).toBe("fail-closed");
  });
});

describe("limits", () => {
  it("have defaults within their bounds", () => {
    for (const { fallback, min, max } of Object.values(LIMITS)) {
      expect(fallback).toBeGreaterThanOrEqual(min);
      expect(fallback).toBeLessThanOrEqual(max);
    }
  });

  it("are those of the contract", () => {
    expect(LIMITS.timeoutMs).toEqual({ fallback: 500, min: 10, max: 30_000 });
    expect(LIMITS.maxPatches).toEqual({ fallback: 32, min: 0, max: 1024 });
    expect(LIMITS.maxResponseBytes.fallback).toBe(1_048_576);
    expect(LIMITS.maxBodyBytes.fallback).toBe(1_048_576);
    expect(FIXED_LIMITS).toMatchObject({ annotations: 16, annotationBytes: 256, messageBytes: 1024, jsonDepth: 128 });
  });
});
