import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  compareTemplates,
  matchPath,
  parsePathTemplate,
  type PathTemplate,
} from "../../../../../src/adapters/upstream/grpc/transcode/path-template.ts";

const parsed = (source: string): PathTemplate => {
  const template = parsePathTemplate(source);
  if (!template.ok) throw new Error(template.error);
  return template.value;
};

describe("the path of an HTTP rule", () => {
  it.each([
    ["/v1/items", "/v1/items", {}],
    ["/v1/items/{id}", "/v1/items/a%20b", { id: "a b" }],
    ["/v1/{name=items/*}", "/v1/items/7", { name: "items/7" }],
    ["/v1/{name=items/*}/parts/{part}", "/v1/items/7/parts/x", { name: "items/7", part: "x" }],
    ["/v1/{rest=**}", "/v1/a/b/c", { rest: "a/b/c" }],
    ["/v1/{name=items/**}", "/v1/items/a/b", { name: "items/a/b" }],
    ["/v1/items/{id}:cancel", "/v1/items/7:cancel", { id: "7" }],
    ["/v1/items/*", "/v1/items/7", {}],
    ["/v1/{a.b}", "/v1/x", { "a.b": "x" }],
  ])("%s takes %s", (template, path, values) => {
    expect(Object.fromEntries(matchPath(parsed(template), path) ?? [["no", "match"]])).toEqual(values);
  });

  it.each([
    ["/v1/items", "/v1/items/7"],
    ["/v1/items/{id}", "/v1/items"],
    ["/v1/items/{id}", "/v1/items/"],
    ["/v1/{name=items/*}", "/v1/things/7"],
    ["/v1/items/{id}:cancel", "/v1/items/7"],
    ["/v1/{name=items/**}", "/v1"],
    ["/v1/items/{id}", "/v1/items/%ff"],
  ])("%s does not take %s", (template, path) => {
    expect(matchPath(parsed(template), path)).toBeUndefined();
  });

  it.each(["", "v1", "/v1/{", "/v1/{a", "/v1/{a}b", "/v1/{=x}", "/v1/{a=**}/b", "/v1/a{b}", "/v1//b", `/${"a/".repeat(70)}b`])(
    "cannot be %j",
    (source) => {
      expect(parsePathTemplate(source).ok).toBe(false);
    },
  );

  it("is asked in the order of what is said most exactly", () => {
    const order = ["/v1/{a=**}", "/v1/{a}/b", "/v1/items", "/v1/items/{id}", "/v1/items/new"].map((source) => ({
      source,
      template: parsed(source),
    }));
    expect(order.toSorted((a, b) => compareTemplates(a.template, b.template)).map(({ source }) => source)).toEqual([
      ...["/v1/items/new", "/v1/items/{id}", "/v1/items", "/v1/{a}/b", "/v1/{a=**}"],
    ]);
  });

  it("never throws, whatever it is given", () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (source, path) => {
        const template = parsePathTemplate(source);
        if (template.ok) matchPath(template.value, path);
      }),
    );
  });
});
