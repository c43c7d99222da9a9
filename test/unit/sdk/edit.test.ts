import { parseJson, RawNumber, stringifyJson, toPlain } from "@sallyport/contract/json.ts";
import { applyPatch } from "@sallyport/contract/json-patch.ts";
import { allow, binding, defineInterceptor } from "@sallyport/interceptors-sdk";
import { review } from "@sallyport/interceptors-sdk/testing";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { difference } from "../../../interceptors-sdk/src/difference.ts";
import { Drafting } from "../../../interceptors-sdk/src/drafting.ts";

/** Reviews a JSON body with one edit; the operations that were sent, and the text of the body they made. */
async function edited<T>(bodyText: string, change: (draft: T) => T | void, pointer: `/request/body${string}` = "/request/body") {
  const interceptor = defineInterceptor({
    name: "editor",
    bindings: {
      edit: binding({
        phase: "pre-route",
        mode: "mutate",
        needs: ["/request/body"],
        writes: ["/request/body", "/request"],
        review: () => allow().edit(pointer, change),
      }),
    },
  });
  const { verdict, view } = await review(interceptor, "edit", { request: { bodyText } });
  if (verdict.kind !== "allow") throw new Error(verdict.kind);
  const operations = verdict.patches.map((patch) => {
    const path = patch.path.replace("/request/body", "");
    if ("from" in patch) return `${patch.op} ${patch.from.replace("/request/body", "")} ${path}`;
    return "value" in patch ? `${patch.op} ${path} ${stringifyJson(patch.value)}` : `${patch.op} ${path}`;
  });
  return { operations, text: view.request.bodyText };
}

describe("edit", () => {
  it("sends nothing when nothing changed", async () => {
    expect(await edited('{"a":[1.0,{"b":1e5}]}', () => undefined)).toEqual({ operations: [], text: '{"a":[1.0,{"b":1e5}]}' });
  });

  it("leaves the numbers it does not touch as they were written", async () => {
    const { operations, text } = await edited<{ name: string }>(
      '{"id":12345678901234567890,"price":1.0,"e":1e5,"zero":-0,"name":"a"}',
      (draft) => {
        draft.name = "b";
      },
    );
    expect(operations).toEqual(['replace /name "b"']);
    expect(text).toBe('{"id":12345678901234567890,"price":1.0,"e":1e5,"zero":-0,"name":"b"}');
  });

  it("keeps the digits of parts that move as a whole", async () => {
    const { operations, text } = await edited<{ from?: object; to: { here?: object } }>(
      '{"from":{"id":12345678901234567890,"price":1.0},"to":{}}',
      (draft) => {
        draft.to.here = draft.from ?? {};
        delete draft.from;
      },
    );
    expect(operations).toEqual(["remove /from", 'add /to/here {"id":12345678901234567890,"price":1.0}']);
    expect(text).toBe('{"to":{"here":{"id":12345678901234567890,"price":1.0}}}');
  });

  it("keeps the digits of a long number that moves alone, also inside an altered part", async () => {
    const { text } = await edited<{ a: { id: number; other: number }; b?: number }>(
      '{"a":{"id":12345678901234567890,"other":2.50}}',
      (draft) => {
        draft.b = draft.a.id;
        draft.a.other = 3;
      },
    );
    expect(text).toBe('{"a":{"id":12345678901234567890,"other":3},"b":12345678901234567890}');
  });

  it("writes a bigint with all its digits", async () => {
    const { operations } = await edited<{ id: bigint | number }>('{"id":1}', (draft) => {
      draft.id = 12345678901234567891n;
    });
    expect(operations).toEqual(["replace /id 12345678901234567891"]);
  });

  it("moves a member that was renamed", async () => {
    const { operations, text } = await edited<{ a?: unknown; b?: unknown }>('{"a":{"deep":[1.0]},"c":1}', (draft) => {
      draft.b = draft.a;
      delete draft.a;
    });
    expect(operations).toEqual(["move /a /b"]);
    expect(text).toBe('{"c":1,"b":{"deep":[1.0]}}');
  });

  it("adds one item at the front of a list, and does not rewrite those behind it", async () => {
    const { operations, text } = await edited<number[]>("[1.0,2.0,3.0]", (draft) => void draft.unshift(0));
    expect(operations).toEqual(["add /0 0"]);
    expect(text).toBe("[0,1.0,2.0,3.0]");
  });

  it("removes one item from the middle of a list", async () => {
    expect(await edited<number[]>("[1,2,3,4]", (draft) => void draft.splice(1, 1))).toEqual({
      operations: ["remove /1"],
      text: "[1,3,4]",
    });
  });

  it("moves one item of a list", async () => {
    const { operations, text } = await edited<string[]>('["a","b","c","d"]', (draft) => {
      draft.push(draft.shift() ?? "");
    });
    expect(operations).toEqual(["move /0 /3"]);
    expect(text).toBe('["b","c","d","a"]');
  });

  it("changes one member of one item of a list", async () => {
    const { operations } = await edited<{ role: string; content: string }[]>(
      '[{"role":"user","content":"a"},{"role":"user","content":"b"}]',
      (draft) => {
        const [, second] = draft;
        if (second !== undefined) second.content = "c";
        draft.unshift({ role: "system", content: "be kind" });
      },
    );
    expect(operations).toEqual(['add /0 {"role":"system","content":"be kind"}', 'replace /2/content "c"']);
  });

  it("replaces a list of which nothing is left in one operation", async () => {
    expect((await edited<{ a: number[] }>('{"a":[1,2,3]}', (draft) => ({ ...draft, a: [7, 8] }))).operations).toEqual([
      "replace /a [7,8]",
    ]);
  });

  it("takes what the function returns in place of the draft", async () => {
    expect(await edited<number>('{"limit":500}', (limit) => Math.min(limit, 100), "/request/body/limit")).toEqual({
      operations: ["replace /limit 100"],
      text: '{"limit":100}',
    });
  });

  it("adds what is not there yet", async () => {
    expect(await edited<number | undefined>("{}", (limit) => limit ?? 100, "/request/body/limit")).toEqual({
      operations: ["add /limit 100"],
      text: '{"limit":100}',
    });
  });

  it("replaces the edited part whole when the operations would be more than the gateway accepts", async () => {
    const before = JSON.stringify(Array.from({ length: 100 }, (_, index) => ({ index, keep: 1 })));
    const { operations } = await edited<{ index: number }[]>(before, (draft) => {
      for (const item of draft) item.index += 1;
    });
    expect(operations).toHaveLength(1);
    expect(operations[0]).toMatch(/^replace {2}\[/);
  });

  it("never puts a forbidden name into a pointer", async () => {
    const { operations, text } = await edited<{ constructor: { a: number }; b: number }>(
      '{"constructor":{"a":1},"b":1.0}',
      (draft) => {
        draft.constructor.a = 2;
      },
    );
    expect(operations).toEqual(['replace  {"constructor":{"a":2},"b":1.0}']);
    expect(text).toBe('{"constructor":{"a":2},"b":1.0}');
  });

  it("treats a member called __proto__ as a member", async () => {
    const { text } = await edited<{ a: number }>('{"__proto__":{"admin":true},"a":1}', (draft) => {
      expect(Object.getPrototypeOf(draft)).toBe(Object.prototype);
      draft.a = 2;
    });
    expect(text).toBe('{"__proto__":{"admin":true},"a":2}');
  });

  it.each([
    ["a function", () => ({ a: () => 1 }), /function is no JSON value/],
    ["NaN", () => ({ a: Number.NaN }), /NaN is no JSON value/],
    ["half a surrogate pair", () => ({ a: "\ud800" }), /half a surrogate pair/],
    ["an instance of a class", () => ({ a: new Map() }), /only plain objects/],
    [
      "a value that contains itself",
      () => {
        const loop: { self?: unknown } = {};
        loop.self = loop;
        return loop;
      },
      /contains itself/,
    ],
    ["a promise", () => Promise.resolve({}), /synchronous/],
  ])("refuses to write %s", async (_what, make, message) => {
    await expect(edited<unknown>("{}", make)).rejects.toThrow(message);
  });

  it("refuses a place whose parent does not exist", async () => {
    await expect(edited<unknown>("{}", () => 1, "/request/body/a/b")).rejects.toThrow(/edit: .*parent/);
  });

  it("refuses a pointer that is no body", async () => {
    const interceptor = defineInterceptor({
      name: "editor",
      bindings: {
        edit: binding({
          phase: "pre-route",
          mode: "mutate",
          needs: [],
          writes: ["/labels"],
          review: () => allow().edit("/labels/tenant", () => "acme"),
        }),
      },
    });
    await expect(review(interceptor, "edit")).rejects.toThrow(/edit changes bodies/);
  });

  it("works on what an earlier edit of the same verdict made", async () => {
    const interceptor = defineInterceptor({
      name: "editor",
      bindings: {
        edit: binding({
          phase: "pre-route",
          mode: "mutate",
          needs: ["/request/body"],
          writes: ["/request/body"],
          review: () =>
            allow()
              .edit("/request/body/list", (list: number[]) => void list.push(2))
              .edit("/request/body/list", (list: number[]) => void list.push(list.length + 1)),
        }),
      },
    });
    const { view } = await review(interceptor, "edit", { request: { body: { list: [1] } } });
    expect(view.request.body).toEqual({ list: [1, 2, 3] });
  });

  const leaf = fc.oneof(
    fc.constantFrom("1.0", "1e5", "12345678901234567890", "-0", "0", "true", "null", '"x"'),
    fc.integer({ min: -3, max: 3 }).map(String),
  );
  const { document } = fc.letrec<{ document: string }>((tie) => ({
    document: fc.oneof(
      { maxDepth: 3 },
      leaf,
      fc.array(tie("document"), { maxLength: 5 }).map((items) => `[${items.join()}]`),
      fc
        .uniqueArray(fc.tuple(fc.constantFrom("a", "b", "c", "~/", ""), tie("document")), {
          selector: ([name]) => name,
          maxLength: 4,
        })
        .map((members) => `{${members.map(([name, value]) => `${JSON.stringify(name)}:${value}`).join()}}`),
    ),
  }));

  it("always makes of the document what the draft became", () => {
    fc.assert(
      fc.property(document, document, (beforeText, afterText) => {
        const before = parseJson(beforeText);
        const wanted = parseJson(afterText);
        if (!before.ok || !wanted.ok) throw new Error("not JSON");
        const drafting = new Drafting();
        drafting.draftOf(before.value);
        const after = drafting.jsonOf(toPlain(wanted.value));
        const operations = difference(before.value, after, [], (json) => drafting.originOf(json));
        const patched = applyPatch(before.value, operations, { maxBytes: 1_000_000 });
        expect(patched.ok && toPlain(patched.value ?? null)).toEqual(withoutMinusZero(toPlain(wanted.value)));
      }),
      { numRuns: 500 },
    );
  });

  it("turns any list into any other by the steps it says", () => {
    const items = fc.array(fc.constantFrom("1", "2", "3", "[4]", '{"a":5}', '{"a":6}', "1.0"), { maxLength: 9 });
    fc.assert(
      fc.property(items, items, fc.boolean(), (beforeItems, afterItems, keepIdentity) => {
        const before = parseJson(`[${beforeItems.join()}]`);
        if (!before.ok) throw new Error("not JSON");
        const drafting = new Drafting();
        const draft = drafting.draftOf(before.value);
        if (!Array.isArray(draft)) throw new Error("not a list");
        const pool: unknown[] = keepIdentity ? draft.slice() : [];
        const altered: unknown[] = afterItems.map((text) => {
          const at = pool.findIndex((item) => JSON.stringify(item) === JSON.stringify(JSON.parse(text)));
          return at === -1 ? JSON.parse(text) : pool.splice(at, 1)[0];
        });
        draft.splice(0, draft.length, ...altered);
        const wanted: unknown = structuredClone(draft);
        const after = drafting.jsonOf(draft);
        const operations = difference(before.value, after, [], (json) => drafting.originOf(json));
        const patched = applyPatch(before.value, operations, { maxBytes: 1_000_000 });
        expect(patched.ok && toPlain(patched.value ?? null)).toEqual(wanted);
        expect(operations.length).toBeLessThanOrEqual(Math.max(beforeItems.length, afterItems.length));
      }),
      { numRuns: 1000 },
    );
  });

  it("gives back a draft nobody touched as the very JSON it came from", () => {
    fc.assert(
      fc.property(document, (text) => {
        const json = parseJson(text);
        if (!json.ok) throw new Error("not JSON");
        const drafting = new Drafting();
        const back = drafting.jsonOf(drafting.draftOf(json.value));
        // a lone scalar has no place that remembers its digits
        if (json.value instanceof RawNumber) return;
        expect(back).toBe(json.value);
      }),
    );
  });
});

/** What a draft loses: it is JSON, so zero has no sign. */
function withoutMinusZero(value: unknown): unknown {
  if (Object.is(value, -0)) return 0;
  if (Array.isArray(value)) return value.map(withoutMinusZero);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, withoutMinusZero(member)]));
}
