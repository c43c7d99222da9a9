import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatDuration, parseDuration } from "../../../src/support/durations.ts";
import { editDistance, nearestWord } from "../../../src/support/edit-distance.ts";
import { resolveBeside } from "../../../src/support/file-path.ts";
import { isIpAddress, parseAddressRange } from "../../../src/support/ip-address.ts";
import { formatSize, parseSize } from "../../../src/support/sizes.ts";

describe("durations", () => {
  it.each([
    ["0ms", 0],
    ["500ms", 500],
    ["30s", 30_000],
    ["10m", 600_000],
    ["2h", 7_200_000],
  ])("reads %s as milliseconds and writes it back", (text, ms) => {
    expect(parseDuration(text)).toEqual({ ok: true, value: ms });
    expect(formatDuration(ms)).toBe(text);
  });

  it.each(["", "5", "5 s", "-5s", "1.5s", "5S", "5d", "s", "9999999999s"])("refuses %j", (text) => {
    expect(parseDuration(text)).toEqual({ ok: false, error: "expected a duration such as 500ms, 30s or 10m" });
  });

  it("reads back whatever it wrote", () => {
    fc.assert(
      fc.property(fc.nat(999_999_999), (ms) => {
        expect(parseDuration(formatDuration(ms))).toEqual({ ok: true, value: ms });
      }),
    );
  });
});

describe("sizes", () => {
  it.each([
    ["0B", 0],
    ["512B", 512],
    ["64KiB", 65_536],
    ["10MiB", 10_485_760],
    ["1GiB", 1_073_741_824],
  ])("reads %s as bytes and writes it back", (text, bytes) => {
    expect(parseSize(text)).toEqual({ ok: true, value: bytes });
    expect(formatSize(bytes)).toBe(text);
  });

  it.each(["", "5", "64KB", "64kib", "64 KiB", "-1B", "1.5MiB"])("refuses %j", (text) => {
    expect(parseSize(text)).toEqual({ ok: false, error: "expected a size such as 64KiB or 10MiB" });
  });
});

describe("the edit distance", () => {
  it.each([
    ["", "", 0],
    ["abc", "abc", 0],
    ["abc", "acb", 1],
    ["adress", "address", 1],
    ["kitten", "sitting", 3],
    ["", "abc", 3],
  ])("between %j and %j is %i", (from, to, distance) => {
    expect(editDistance(from, to)).toBe(distance);
    expect(editDistance(to, from)).toBe(distance);
  });

  it("finds the word that was meant, and none that is too far away", () => {
    expect(nearestWord("adress", ["name", "address", "tls"])).toBe("address");
    expect(nearestWord("Orders", ["orders"])).toBe("orders");
    expect(nearestWord("x", ["y", "z"])).toBe("y");
    expect(nearestWord("percent", ["phase", "mode"])).toBeUndefined();
    expect(nearestWord("a".repeat(100), ["a".repeat(99)])).toBeUndefined();
  });
});

describe("addresses", () => {
  it("knows an IP address from a name", () => {
    expect(["127.0.0.1", "::1", "2001:db8::1"].every(isIpAddress)).toBe(true);
    expect(["localhost", "127.1", "[::1]", ""].some(isIpAddress)).toBe(false);
  });

  it.each([
    ["10.0.0.0/8", { address: "10.0.0.0", prefixLength: 8, family: "ipv4" }],
    ["10.1.2.3", { address: "10.1.2.3", prefixLength: 32, family: "ipv4" }],
    ["2001:db8::/32", { address: "2001:db8::", prefixLength: 32, family: "ipv6" }],
    ["::1", { address: "::1", prefixLength: 128, family: "ipv6" }],
  ])("reads the range %s", (text, range) => {
    expect(parseAddressRange(text)).toEqual({ ok: true, value: range });
  });

  it.each(["", "10.0.0.0/33", "10.0.0/8", "10.0.0.0/", "10.0.0.0/8/8", "::/129", "a/8", "10.0.0.0/-1"])(
    "refuses the range %j",
    (text) => {
      expect(parseAddressRange(text).ok).toBe(false);
    },
  );
});

it("resolves a path beside a file and leaves an absolute one", () => {
  expect(resolveBeside("conf/gateway.yaml", "keys/a.pem")).toBe("conf/keys/a.pem");
  expect(resolveBeside("gateway.yaml", "a.pem")).toBe("a.pem");
  expect(resolveBeside("/etc/gateway.yaml", "../a.pem")).toBe("/a.pem");
  expect(resolveBeside("/etc/gateway.yaml", "/run/a.pem")).toBe("/run/a.pem");
});
