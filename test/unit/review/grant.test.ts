import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { BindingDeclaration, Manifest } from "../../../src/model/manifest.ts";
import { MODES, type Mode } from "../../../src/model/phase.ts";
import { grantBindings, type Grant, type OperatorBinding } from "../../../src/review/grant.ts";
import { pointers } from "../../support/patching.ts";

const declared = (id: string, parts: Partial<BindingDeclaration> = {}): BindingDeclaration => ({
  id,
  phase: "pre-route",
  mode: "mutate",
  selector: { methods: [], hosts: [], paths: [] },
  needs: ["/request/headers/x-tenant-id", "/principal"],
  writes: ["/request/headers/x-tenant-id", "/labels/tenant"],
  ownsHeaders: ["x-tenant-id"],
  cacheable: false,
  idempotent: false,
  body: undefined,
  failClosed: false,
  ...parts,
});

const manifest = (...bindings: readonly BindingDeclaration[]): Manifest => ({
  name: "tenancy",
  version: "1",
  bindings,
  expectedAudience: "",
  stateScope: "none",
  revokes: false,
});

const listed = (id: string, parts: Partial<OperatorBinding> = {}): OperatorBinding => ({
  id,
  phase: "pre-route",
  mode: "mutate",
  enabled: true,
  needs: undefined,
  writes: undefined,
  ...parts,
});

const outline = ({ granted, refused, extra }: Grant<OperatorBinding>) => ({
  granted: granted.map(({ declaration }) => declaration.id),
  refused: refused.map(({ operator }) => operator.id),
  extra: extra.map(({ id }) => id),
});

describe("which bindings are granted (C30)", () => {
  const both = manifest(declared("a"), declared("b"));

  it.each([
    ["allowlist", [listed("a")], { granted: ["a"], refused: [], extra: ["b"] }],
    ["exact", [listed("a")], { granted: ["a"], refused: [], extra: ["b"] }],
    ["dynamic", [listed("a")], { granted: ["a", "b"], refused: [], extra: [] }],
    ["allowlist", [], { granted: [], refused: [], extra: ["a", "b"] }],
    ["dynamic", [], { granted: ["a", "b"], refused: [], extra: [] }],
    ["allowlist", [listed("c")], { granted: [], refused: ["c"], extra: ["a", "b"] }],
    ["dynamic", [listed("c")], { granted: ["a", "b"], refused: ["c"], extra: [] }],
    ["allowlist", [listed("a", { enabled: false })], { granted: [], refused: [], extra: ["b"] }],
    ["exact", [listed("a"), listed("b", { enabled: false })], { granted: ["a"], refused: [], extra: [] }],
    ["dynamic", [listed("a", { enabled: false })], { granted: ["b"], refused: [], extra: [] }],
    ["dynamic", [listed("z", { enabled: false })], { granted: ["a", "b"], refused: ["z"], extra: [] }],
  ] as const)("under %s with %j listed: %j", (policy, operator, expected) => {
    expect(outline(grantBindings(policy, operator, both))).toEqual(expected);
  });

  it("takes an entry for one binding at one phase, and says where else it is declared", () => {
    const grant = grantBindings("allowlist", [listed("a", { phase: "pre-auth" })], both);
    expect(grant.refused.map(({ reason }) => reason)).toEqual(['the manifest declares "a" at pre-route, not at pre-auth']);
    expect(outline(grant).extra).toEqual(["a", "b"]);
  });

  it("says what there is when a listed binding is missing", () => {
    const { refused } = grantBindings("allowlist", [listed("assign")], both);
    expect(refused[0]?.reason).toBe(
      'the manifest declares no binding "assign" at pre-route; it declares: a (pre-route), b (pre-route)',
    );
    expect(grantBindings("exact", [listed("a")], manifest()).refused[0]?.reason).toMatch(/it declares: none$/);
  });
});

describe("what a granted binding gets (C30)", () => {
  const only = (operator: OperatorBinding, declaration: BindingDeclaration) =>
    grantBindings("allowlist", [operator], manifest(declaration)).granted[0];

  it("is what the manifest asks for, where the operator lists nothing", () => {
    expect(only(listed("a"), declared("a"))).toMatchObject({
      mode: "mutate",
      needs: ["/request/headers/x-tenant-id", "/principal"],
      writes: ["/request/headers/x-tenant-id", "/labels/tenant"],
      ownsHeaders: ["x-tenant-id"],
    });
  });

  it.each([
    [["/principal/id"], ["/principal/id"]],
    [
      ["/request/headers", "/principal"],
      ["/request/headers/x-tenant-id", "/principal"],
    ],
    [["/request"], ["/request/headers/x-tenant-id"]],
    [[], []],
  ])("narrows needs by %j to %j", (needs, expected) => {
    expect(only(listed("a", { needs }), declared("a"))?.needs).toEqual(expected);
  });

  it("narrows writes, and ownership with them (C11)", () => {
    const narrowed = only(listed("a", { writes: ["/labels"] }), declared("a"));
    expect([narrowed?.writes, narrowed?.ownsHeaders]).toEqual([["/labels/tenant"], []]);
    const all = only(listed("a"), declared("a", { writes: ["/request/headers"], ownsHeaders: ["x-a", "x-b", "x-a"] }));
    expect(all?.ownsHeaders).toEqual(["x-a", "x-b"]);
    const below = only(
      listed("a"),
      declared("a", { writes: ["/request/headers/x-tenant"], ownsHeaders: ["x-tenant-id", "x-tenant"] }),
    );
    expect(below?.ownsHeaders).toEqual(["x-tenant"]);
  });

  it("writes and owns nothing when it was granted less than mutate", () => {
    for (const mode of ["validate", "observe"] as const) {
      expect(only(listed("a", { mode }), declared("a"))).toMatchObject({ mode, writes: [], ownsHeaders: [] });
    }
  });

  it("refuses a mode stronger than the manifest's, and takes every weaker one", () => {
    const modes = Object.keys(MODES) as Mode[]; // keys of a const table are exactly its row names
    for (const asked of modes) {
      for (const offered of modes) {
        const grant = grantBindings("allowlist", [listed("a", { mode: asked })], manifest(declared("a", { mode: offered })));
        expect([asked, offered, grant.granted.length]).toEqual([
          asked,
          offered,
          MODES[asked].rank <= MODES[offered].rank ? 1 : 0,
        ]);
      }
    }
  });

  it.each(["needs", "writes"] as const)(
    "refuses %s the manifest does not ask for: a slip that would show only under load",
    (list) => {
      const { refused } = grantBindings(
        "allowlist",
        [listed("a", { [list]: ["/request/headers/x-tennant-id"] })],
        manifest(declared("a")),
      );
      expect(refused[0]?.reason).toBe(`${list} /request/headers/x-tennant-id, which the manifest of "a" does not ask for`);
    },
  );

  it("never widens what either side said, whatever the pointers", () => {
    const pointer = fc.constantFrom(
      ...["/request", "/request/headers", "/request/headers/x-a", "/request/headers/x-ab", "/request/body", "/request/body/a"],
      ...[
        "/request/query",
        "/request/query/a~1b",
        "/request/path",
        "/labels",
        "/labels/a",
        "/request/body/a/b",
        "/request/body/ab",
      ],
    );
    const list = fc.uniqueArray(pointer, { maxLength: 5 });
    fc.assert(
      fc.property(list, list, (operator, asked) => {
        const granted = only(listed("a", { needs: operator, writes: operator }), declared("a", { needs: asked, writes: asked }));
        for (const each of [...(granted?.needs ?? []), ...(granted?.writes ?? [])]) {
          const tokens = each
            .slice(1)
            .split("/")
            .map((token) => token.replaceAll("~1", "/").replaceAll("~0", "~"));
          expect(pointers(operator).covers(tokens)).toBe(true);
          expect(pointers(asked).covers(tokens)).toBe(true);
        }
      }),
      { numRuns: 1000 },
    );
  });
});
