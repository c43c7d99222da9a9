import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseProxyHeader } from "../../../../src/adapters/inbound/proxy-header.ts";

const SIGNATURE = Buffer.from("\r\n\r\n\0\r\nQUIT\n", "latin1");

/** A header of version 2. */
function v2(command: number, family: number, rest: Buffer, saidBytes = rest.byteLength): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt8(command, 0);
  head.writeUInt8(family, 1);
  head.writeUInt16BE(saidBytes, 2);
  return Buffer.concat([SIGNATURE, head, rest]);
}

const IPV4 = Buffer.from([192, 0, 2, 1, 198, 51, 100, 1, 0x1f, 0x90, 0x01, 0xbb]);
const IPV6 = Buffer.concat([Buffer.from("20010db8000000000000000000000001", "hex"), Buffer.alloc(16), Buffer.alloc(4)]);
const text = (line: string): Buffer => Buffer.from(line, "latin1");

describe("a PROXY header", () => {
  it.each([
    ["version 1, IPv4", text("PROXY TCP4 192.0.2.1 198.51.100.1 8080 443\r\n"), "192.0.2.1"],
    ["version 1, IPv6", text("PROXY TCP6 2001:DB8:0::1 ::1 8080 443\r\n"), "2001:db8::1"],
    ["version 1, an IPv4 address in IPv6", text("PROXY TCP6 ::ffff:192.0.2.1 ::1 8080 443\r\n"), "192.0.2.1"],
    ["version 1, unknown", text("PROXY UNKNOWN\r\n"), undefined],
    ["version 1, unknown with more", text("PROXY UNKNOWN ffff:f...f:ffff x 1 2\r\n"), undefined],
    ["version 2, IPv4", v2(0x21, 0x11, IPV4), "192.0.2.1"],
    ["version 2, IPv6", v2(0x21, 0x21, IPV6), "2001:db8::1"],
    ["version 2 with more behind the addresses", v2(0x21, 0x11, Buffer.concat([IPV4, Buffer.alloc(500)])), "192.0.2.1"],
    ["version 2, for itself", v2(0x20, 0x00, Buffer.alloc(0)), undefined],
    ["version 2, for itself, with addresses", v2(0x20, 0x11, IPV4), undefined],
    ["version 2, of no family", v2(0x21, 0x00, Buffer.alloc(3)), undefined],
  ])("is read: %s", (_name, header, address) => {
    expect(parseProxyHeader(Buffer.concat([header, text("GET / HTTP/1.1\r\n")]))).toEqual({
      kind: "found",
      value: { address },
      bytes: header.byteLength,
    });
    // however it is cut, it is waited for
    for (let end = 1; end < header.byteLength; end += 1)
      expect(parseProxyHeader(header.subarray(0, end))).toEqual({ kind: "more" });
  });

  it.each([
    ["HTTP", text("GET / HTTP/1.1\r\n")],
    ["a TLS hello", Buffer.from([0x16, 0x03, 0x01, 0x00])],
    ["a family it is not of", text("PROXY TCP4 2001:db8::1 ::1 1 2\r\n")],
    ["an address that is none", text("PROXY TCP4 192.0.2.256 192.0.2.1 1 2\r\n")],
    ["a port beyond the last", text("PROXY TCP4 192.0.2.1 192.0.2.1 1 65536\r\n")],
    ["two blanks", text("PROXY TCP4  192.0.2.1 192.0.2.1 1 2\r\n")],
    ["no port", text("PROXY TCP4 192.0.2.1 192.0.2.1 1\r\n")],
    ["another transport", text("PROXY UDP4 192.0.2.1 192.0.2.1 1 2\r\n")],
    ["lower case", text("proxy TCP4 192.0.2.1 192.0.2.1 1 2\r\n")],
    ["a line without an end", text(`PROXY UNKNOWN ${"x".repeat(107)}`)],
    ["another version", v2(0x11, 0x11, IPV4)],
    ["an unknown command", v2(0x22, 0x11, IPV4)],
    ["UDP", v2(0x21, 0x12, IPV4)],
    ["a unix socket", v2(0x21, 0x31, Buffer.alloc(216))],
    ["addresses that are cut off", v2(0x21, 0x11, IPV4.subarray(1))],
    ["more than anybody says", v2(0x21, 0x11, IPV4, 5000)],
  ])("is refused: %s", (_name, header) => {
    expect(parseProxyHeader(header)).toMatchObject({ kind: "refused" });
  });

  it("is never anything but waited for, found or refused, whatever comes", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(Buffer.alloc(0), text("PROXY "), text("PROXY TCP4 "), SIGNATURE, v2(0x21, 0x11, Buffer.alloc(0))),
        fc.uint8Array({ minLength: 1, maxLength: 300 }),
        (start, rest) => {
          const seen = Buffer.concat([start, rest]);
          const parsed = parseProxyHeader(seen);
          if (parsed.kind === "found") expect(parsed.bytes).toBeLessThanOrEqual(seen.byteLength);
          if (parsed.kind === "more") expect(seen.byteLength).toBeLessThanOrEqual(16 + 4096);
        },
      ),
    );
  });
});
