import { describe, expect, it } from "vitest";
import { originOf, type TrustedProxies } from "../../../../src/policies/ingress/client-address.ts";
import { parseForwarded } from "../../../../src/policies/ingress/forwarded.ts";
import { addressSet } from "../../../../src/support/cidr.ts";
import { receivedWith } from "../../../support/received.ts";

type Line = readonly [string, string];

function proxies(headers: TrustedProxies["headers"], ...cidrs: readonly string[]): TrustedProxies {
  const addresses = addressSet(cidrs);
  if (!addresses.ok) throw new Error(addresses.error);
  return { addresses: addresses.value, headers };
}

const TRUSTED = ["10.0.0.0/8", "2001:db8::/32"];
const xForwarded = (...values: readonly string[]): readonly Line[] => values.map((value): Line => ["X-Forwarded-For", value]);

describe("the client's address", () => {
  it.each([
    ["an untrusted peer says anything", "203.0.113.9", xForwarded("1.2.3.4"), "203.0.113.9", "203.0.113.9"],
    ["a trusted peer says nothing", "10.0.0.1", [], "10.0.0.1", "10.0.0.1"],
    ["one trusted hop", "10.0.0.1", xForwarded("1.2.3.4"), "1.2.3.4", "1.2.3.4, 10.0.0.1"],
    [
      "the client wrote the left part itself",
      "10.0.0.1",
      xForwarded("6.6.6.6, 1.2.3.4"),
      "1.2.3.4",
      "6.6.6.6, 1.2.3.4, 10.0.0.1",
    ],
    [
      "several trusted hops",
      "10.0.0.1",
      xForwarded("1.2.3.4, 10.0.0.3, 10.0.0.2"),
      "1.2.3.4",
      "1.2.3.4, 10.0.0.3, 10.0.0.2, 10.0.0.1",
    ],
    ["several lines", "10.0.0.1", xForwarded("1.2.3.4", "10.0.0.2"), "1.2.3.4", "1.2.3.4, 10.0.0.2, 10.0.0.1"],
    ["everybody trusted", "10.0.0.1", xForwarded("10.0.0.3, 10.0.0.2"), "10.0.0.3", "10.0.0.3, 10.0.0.2, 10.0.0.1"],
    ["a hop that is no address", "10.0.0.1", xForwarded("1.2.3.4, evil, 10.0.0.2"), "10.0.0.2", "10.0.0.2, 10.0.0.1"],
    ["nothing but a hop that is no address", "10.0.0.1", xForwarded("<script>"), "10.0.0.1", "10.0.0.1"],
    ["ports and brackets", "10.0.0.1", xForwarded("1.2.3.4:5678, [2001:db8::7]:80"), "1.2.3.4", "1.2.3.4, 2001:db8::7, 10.0.0.1"],
    ["IPv6 without brackets", "2001:db8::1", xForwarded("2001:DB9::5"), "2001:db9::5", "2001:db9::5, 2001:db8::1"],
    ["IPv4 by an IPv6 socket", "::ffff:10.0.0.1", xForwarded("::ffff:1.2.3.4"), "1.2.3.4", "1.2.3.4, 10.0.0.1"],
    ["a unix socket", "unix", xForwarded("1.2.3.4"), "unix", "unix"],
  ])("with x-forwarded-for, where %s", (_name, peerAddress, lines, client, chain) => {
    const origin = originOf(receivedWith(lines, { peerAddress }), "api.test", proxies("x-forwarded", ...TRUSTED));
    expect(origin.clientAddress).toBe(client);
    expect(origin.lines[0]).toEqual(["x-forwarded-for", chain]);
  });

  it.each([
    ["one trusted hop", ["for=1.2.3.4"], "1.2.3.4"],
    ["quotes, brackets, ports, case", ['For="[2001:DB9::1]:4711"'], "2001:db9::1"],
    ["the client wrote the left part itself", ["for=6.6.6.6, for=1.2.3.4"], "1.2.3.4"],
    ["several trusted hops and lines", ["for=1.2.3.4;proto=https", "for=10.0.0.2"], "1.2.3.4"],
    ["an obfuscated hop", ["for=1.2.3.4, for=_hidden, for=10.0.0.2"], "10.0.0.2"],
    ["an unknown hop", ["for=unknown"], "10.0.0.1"],
    ["a malformed header", ["for=1.2.3.4;;"], "10.0.0.1"],
    ["an open quote", ['for="1.2.3.4'], "10.0.0.1"],
  ])("with forwarded, where it has %s", (_name, values, client) => {
    const lines = [...values.map((value): Line => ["Forwarded", value]), ...xForwarded("9.9.9.9")];
    expect(
      originOf(receivedWith(lines, { peerAddress: "10.0.0.1" }), "api.test", proxies("forwarded", ...TRUSTED)).clientAddress,
    ).toBe(client);
  });

  it("is the peer's wherever forwarded headers are not configured to count", () => {
    const lines = [...xForwarded("1.2.3.4"), ["Forwarded", "for=1.2.3.4"] as const];
    const origin = originOf(receivedWith(lines, { peerAddress: "10.0.0.1" }), "api.test", proxies("none", "10.0.0.0/8"));
    expect(origin).toMatchObject({ clientAddress: "10.0.0.1", trusted: false });
  });

  it("is found among at most 32 hops", () => {
    const many = Array.from({ length: 5_000 }, () => "10.0.0.2").join(", ");
    const origin = originOf(
      receivedWith(xForwarded(`1.2.3.4, ${many}`), { peerAddress: "10.0.0.1" }),
      "api.test",
      proxies("x-forwarded", ...TRUSTED),
    );
    expect(origin.clientAddress).toBe("10.0.0.2");
    expect(origin.lines[0]?.[1].split(", ")).toHaveLength(33);
  });
});

describe("the client's scheme and host", () => {
  const told: readonly Line[] = [
    ["X-Forwarded-Proto", "HTTPS"],
    ["X-Forwarded-Host", "shop.test"],
  ];

  it("are believed of a trusted peer only", () => {
    const trusted = originOf(
      receivedWith([...told, ...xForwarded("1.2.3.4")], { peerAddress: "10.0.0.1" }),
      "api.test",
      proxies("x-forwarded", ...TRUSTED),
    );
    expect(trusted).toMatchObject({ scheme: "https", trusted: true });
    expect(trusted.lines.slice(1)).toEqual([
      ["x-forwarded-proto", "https"],
      ["x-forwarded-host", "shop.test"],
    ]);
    const stranger = originOf(receivedWith([...told, ...xForwarded("1.2.3.4")]), "api.test", proxies("x-forwarded", ...TRUSTED));
    expect(stranger).toMatchObject({ scheme: "http", trusted: false });
    expect(stranger.lines.slice(1)).toEqual([
      ["x-forwarded-proto", "http"],
      ["x-forwarded-host", "api.test"],
    ]);
  });

  it("need no x-forwarded-for beside them", () => {
    expect(originOf(receivedWith(told, { peerAddress: "10.0.0.1" }), "api.test", proxies("x-forwarded", ...TRUSTED)).scheme).toBe(
      "https",
    );
  });

  it.each([
    [
      [
        ["X-Forwarded-Proto", "javascript"],
        ["X-Forwarded-Host", "a b"],
      ],
    ],
    [
      [
        ["X-Forwarded-Proto", "https"],
        ["X-Forwarded-Proto", "https"],
        ["X-Forwarded-Host", "a.test"],
        ["X-Forwarded-Host", "b.test"],
      ],
    ],
  ] as const)("fall back to the connection's own when they are malformed or repeated: %j", (lines) => {
    const origin = originOf(
      receivedWith([...lines], { peerAddress: "10.0.0.1" }),
      "api.test",
      proxies("x-forwarded", ...TRUSTED),
    );
    expect(origin.scheme).toBe("http");
    expect(origin.lines[2]).toEqual(["x-forwarded-host", "api.test"]);
  });

  it("come from the client's own element of a forwarded header, and the gateway adds its element", () => {
    const lines: readonly Line[] = [
      ["Forwarded", 'for=6.6.6.6;proto=http, for="[2001:db9::1]";proto=https;host=shop.test, for=10.0.0.2;proto=http'],
    ];
    const origin = originOf(receivedWith(lines, { peerAddress: "2001:db8::1" }), "api.test", proxies("forwarded", ...TRUSTED));
    expect(origin).toMatchObject({ scheme: "https", clientAddress: "2001:db9::1" });
    expect(origin.lines).toEqual([
      ["x-forwarded-for", "6.6.6.6, 2001:db9::1, 10.0.0.2, 2001:db8::1"],
      ["x-forwarded-proto", "https"],
      ["x-forwarded-host", "shop.test"],
      [
        "forwarded",
        'for=6.6.6.6;proto=http, for="[2001:db9::1]";proto=https;host=shop.test, for=10.0.0.2;proto=http, for="[2001:db8::1]";proto=http;host="api.test"',
      ],
    ]);
  });
});

describe("a Forwarded header", () => {
  it("is read into its elements", () => {
    const elements = parseForwarded('For="_a\\"b,;c" ; proto=http , by=x');
    expect(elements?.map(({ parameters }) => [...parameters])).toEqual([
      [
        ["for", '_a"b,;c'],
        ["proto", "http"],
      ],
      [["by", "x"]],
    ]);
  });

  it.each([
    "",
    "for",
    "for=",
    "=x",
    "for=a,",
    "for=a;",
    ",for=a",
    "for=a b",
    'for="a',
    "for=a;for=b",
    "for =a",
    "for=a;;proto=b",
  ])("is not read when malformed: %j", (value) => {
    expect(parseForwarded(value)).toBeUndefined();
  });
});
