import { Manifest as WireManifest } from "@sallyport/contract/gen/sallyport/interceptor/v1/interceptor.ts";
import { describe, expect, it } from "vitest";
import { manifestFromJson } from "../../../../src/adapters/review/manifest-json.ts";
import { toManifest } from "../../../../src/adapters/review/to-manifest.ts";

type Draft = Parameters<typeof WireManifest.fromPartial>[0];

const read = (manifest: Draft) => toManifest(WireManifest.fromPartial(manifest));

const BINDING = { id: "assign-tenant", phase: 2, mode: 3 } as const;

describe("toManifest", () => {
  it("reads a manifest in our words", () => {
    const manifest = read({
      name: "tenancy",
      version: "1.0.0",
      stateScope: 3,
      bindings: [
        {
          ...BINDING,
          selector: { methods: ["POST"], hosts: [], paths: ["/orders/**"] },
          needs: ["/request/headers/x-tenant-id", "/principal"],
          writes: ["/labels/tenant"],
          ownsHeaders: ["x-tenant"],
          idempotent: true,
          body: 2,
          failClosed: true,
        },
        { ...BINDING, phase: 3, mode: 1, needs: ["/outcome"] },
      ],
    });
    expect(manifest).toEqual({
      ok: true,
      value: {
        name: "tenancy",
        version: "1.0.0",
        expectedAudience: "",
        revokes: false,
        stateScope: "cluster",
        bindings: [
          {
            id: "assign-tenant",
            phase: "pre-route",
            mode: "mutate",
            selector: { methods: ["POST"], hosts: [], paths: ["/orders/**"] },
            needs: ["/request/headers/x-tenant-id", "/principal"],
            writes: ["/labels/tenant"],
            ownsHeaders: ["x-tenant"],
            cacheable: false,
            idempotent: true,
            body: "text",
            failClosed: true,
          },
          {
            id: "assign-tenant",
            phase: "post-response",
            mode: "observe",
            selector: { methods: [], hosts: [], paths: [] },
            needs: ["/outcome"],
            writes: [],
            ownsHeaders: [],
            cacheable: false,
            idempotent: false,
            body: undefined,
            failClosed: false,
          },
        ],
      },
    });
  });

  it.each<readonly [string, Draft]>([
    ["an id is 1 to 64", { bindings: [{ ...BINDING, id: "Assign" }] }],
    ["an id is 1 to 64", { bindings: [{ ...BINDING, id: "a--b" }] }],
    ["an id is 1 to 64", { bindings: [{ ...BINDING, id: "" }] }],
    ["phase 0 is unknown", { bindings: [{ ...BINDING, phase: 0 }] }],
    ["mode 0 is unknown", { bindings: [{ ...BINDING, mode: 0 }] }],
    ['binding 1 "assign-tenant": declared twice at pre-route', { bindings: [BINDING, BINDING] }],
    [
      'needs "/principal": at pre-auth there is no principal yet',
      { bindings: [{ ...BINDING, phase: 1, needs: ["/principal"] }] },
    ],
    [
      'needs "/response/status": there is no response before post-response',
      { bindings: [{ ...BINDING, needs: ["/response/status"] }] },
    ],
    ['needs "request/path"', { bindings: [{ ...BINDING, needs: ["request/path"] }] }],
    ['needs "/outcome": only observers', { bindings: [{ ...BINDING, needs: ["/outcome"] }] }],
    ['writes "/request/host": /request/host is read-only', { bindings: [{ ...BINDING, writes: ["/request/host"] }] }],
    [
      'writes "/request/headers/content-length": the header content-length is protected',
      { bindings: [{ ...BINDING, writes: ["/request/headers/content-length"] }] },
    ],
    ['owns_headers "content-type"', { bindings: [{ ...BINDING, ownsHeaders: ["content-type"] }] }],
    ['owns_headers "X-Upper"', { bindings: [{ ...BINDING, ownsHeaders: ["X-Upper"] }] }],
    ['owns_headers "host"', { bindings: [{ ...BINDING, ownsHeaders: ["host"] }] }],
    [
      "needs has at most 256 entries",
      { bindings: [{ ...BINDING, needs: Array.from({ length: 257 }, (_, n) => `/labels/l${n}`) }] },
    ],
    [
      "a manifest has at most 256 bindings, this one 257",
      { bindings: Array.from({ length: 257 }, (_, n) => ({ ...BINDING, id: `b${n}` })) },
    ],
    ["an entry of paths is empty or longer than 1024", { bindings: [{ ...BINDING, selector: { paths: ["/".repeat(2000)] } }] }],
    ["name, version and expected_audience have at most 1024 characters", { name: "x".repeat(2000) }],
  ])("refuses with: %s", (message, manifest) => {
    const result = read(manifest);
    expect(result.ok ? "accepted" : result.error).toContain(message);
  });

  it("refuses enum values of a newer contract", () => {
    const unknown = WireManifest.decode(Uint8Array.from([0x28, 9]));
    expect(toManifest(unknown)).toEqual({ ok: false, error: "state_scope 9 is unknown" });
    const body = WireManifest.fromPartial({ bindings: [BINDING] });
    // a value the generated types do not know, as a newer service would send it
    Object.assign(body.bindings[0]!, { body: 7 });
    expect(toManifest(body)).toEqual({ ok: false, error: 'binding 0 "assign-tenant": body 7 is unknown' });
  });
});

describe("manifestFromJson", () => {
  it("reads the same manifest from a file", () => {
    const text = JSON.stringify({
      name: "tenancy",
      version: "1.0.0",
      state_scope: "replica",
      bindings: [
        {
          id: "assign-tenant",
          phase: "pre-route",
          mode: "mutate",
          needs: ["/principal"],
          writes: ["/labels/tenant"],
          body: "json",
          selector: { methods: ["GET"] },
          fail_closed: true,
        },
      ],
    });
    expect(manifestFromJson(text)).toEqual(
      read({
        name: "tenancy",
        version: "1.0.0",
        stateScope: 2,
        bindings: [
          {
            ...BINDING,
            needs: ["/principal"],
            writes: ["/labels/tenant"],
            body: 1,
            selector: { methods: ["GET"] },
            failClosed: true,
          },
        ],
      }),
    );
  });

  it("reads what gRPC tools print", () => {
    const text =
      '{"stateScope":"STATE_SCOPE_NONE","bindings":[{"id":"a","phase":"PHASE_POST_RESPONSE","mode":"MODE_VALIDATE","body":"BODY_FORMAT_BYTES","failClosed":true,"ownsHeaders":["x-a"]}]}';
    expect(manifestFromJson(text)).toEqual(
      read({ bindings: [{ id: "a", phase: 3, mode: 2, body: 3, failClosed: true, ownsHeaders: ["x-a"] }] }),
    );
  });

  it.each([
    ["no acceptable JSON (malformed at offset 1)", "{"],
    ["/: expected an object", "[]"],
    ["/bindigs: there is no such member; known are name, version", '{"bindigs": []}'],
    ["/bindings: expected a list", '{"bindings": {}}'],
    ["/bindings/0/phase: expected one of pre-auth, pre-route, post-response", '{"bindings": [{"phase": "before"}]}'],
    ["/bindings/0/needs/1: expected a string", '{"bindings": [{"needs": ["/labels", 1]}]}'],
    ["/bindings/0/idempotent: expected true or false", '{"bindings": [{"idempotent": "yes"}]}'],
    ["binding 0: an id is 1 to 64", '{"bindings": [{"phase": "pre-auth", "mode": "mutate"}]}'],
    ["/__proto__: there is no such member", '{"__proto__": {}}'],
  ])("refuses with: %s", (message, text) => {
    const result = manifestFromJson(text);
    expect(result.ok ? "accepted" : result.error).toContain(message);
  });
});
