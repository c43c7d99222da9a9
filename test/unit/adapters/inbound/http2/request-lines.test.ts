import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { requestLines } from "../../../../../src/adapters/inbound/http2/request-lines.ts";

const BASE = [":method", "GET", ":scheme", "https", ":authority", "a.test", ":path", "/p?q"];

describe("the lines of an HTTP/2 request", () => {
  it("are those of an HTTP/1.1 request in origin form where all that was said agrees", () => {
    expect(requestLines([...BASE, "x", "1", "host", "a.test"], "https")).toEqual({
      method: "GET",
      requestTarget: "/p?q",
      path: "/p?q",
      raw: ["host", "a.test", "x", "1"],
      hasLength: false,
      expects: false,
    });
  });

  it.each([
    ["another host", [...BASE, "host", "b.test"], "https://a.test/p?q", ["host", "b.test"]],
    ["another scheme", BASE.with(3, "http"), "http://a.test/p?q", ["host", "a.test"]],
    ["several hosts", [...BASE, "host", "a.test", "host", "b.test"], "/p?q", ["host", "a.test", "host", "b.test"]],
    ["a path that is none", BASE.with(7, "p"), "https://a.testp", ["host", "a.test"]],
  ])("show in absolute form, or as they are, what does not agree: %s", (_name, block, requestTarget, raw) => {
    expect(requestLines(block, "https")).toMatchObject({ requestTarget, raw });
  });

  it("keep every line but pseudo-headers, in order, and cookies as one", () => {
    const name = fc.stringMatching(/^[a-z]{1,8}$/).filter((each) => each !== "host");
    fc.assert(
      // with a blank at an end it is malformed, and refused
      fc.property(
        fc.array(
          fc.tuple(
            fc.oneof(name, fc.constant("cookie")),
            fc.string().map((value) => value.trim()),
          ),
        ),
        (lines) => {
          const { raw } = requestLines([...BASE, ...lines.flat()], "https");
          const crumbs = lines.filter(([each]) => each === "cookie").map(([, value]) => value);
          expect(raw).toEqual([
            ...["host", "a.test"],
            ...lines.filter(([each]) => each !== "cookie").flat(),
            ...(crumbs.length === 0 ? [] : ["cookie", crumbs.join("; ")]),
          ]);
        },
      ),
    );
  });
});
