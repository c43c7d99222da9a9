import { describe, expect, it } from "vitest";
import { addressSet, plainAddress } from "../../../src/support/cidr.ts";

describe("a set of addresses", () => {
  const made = addressSet(["10.0.0.0/8", "192.0.2.7", "2001:db8::/32"]);
  const set = made.ok ? made.value : undefined;

  it.each([
    ["10.255.0.1", true],
    ["11.0.0.1", false],
    ["192.0.2.7", true],
    ["192.0.2.8", false],
    ["2001:db8:1::1", true],
    ["2001:DB8:1::1", true],
    ["2001:db9::1", false],
    ["unix", false],
    ["", false],
    ["10.0.0.1.example", false],
  ])("knows of %s: %s", (address, inside) => {
    expect(set?.has(address)).toBe(inside);
  });

  it("is empty without ranges and names the range that is none", () => {
    const empty = addressSet([]);
    expect(empty.ok && empty.value.has("127.0.0.1")).toBe(false);
    expect(addressSet(["10.0.0.0/8", "10.0.0.0/33"])).toMatchObject({ ok: false, error: expect.stringContaining("10.0.0.0/33") });
  });
});

describe("a plain address", () => {
  it.each([
    ["192.0.2.1", "192.0.2.1"],
    ["::ffff:192.0.2.1", "192.0.2.1"],
    ["::FFFF:192.0.2.1", "192.0.2.1"],
    ["2001:DB8::1", "2001:db8::1"],
    ["fe80::1%eth0", "fe80::1"],
    ["192.0.2.01", undefined],
    ["example.org", undefined],
    ["", undefined],
  ])("of %s is %s", (text, address) => {
    expect(plainAddress(text)).toBe(address);
  });
});
