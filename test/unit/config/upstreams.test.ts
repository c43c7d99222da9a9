import { describe, expect, it } from "vitest";
import { issuesOf, minimal } from "../../support/config-text.ts";

/** Issues without their positions. */
const issuesIn = async (text: string): Promise<readonly string[]> =>
  (await issuesOf(text)).map((issue) => issue.replace(/^gateway\.yaml:\d+:\d+: /, ""));

describe("upstreams", () => {
  const orders = (keys: string): string => minimal().replace(`endpoints: ["http://127.0.0.1:9000"]`, keys);

  it.each([
    ["endpoints: [http://a:1, { url: http://b:1, weight: 3, priority: 1 }], balance: weighted", []],
    ["endpoints: [http://a:1, http://b:1], balance: hash, hash_by: header/X-Session", []],
    [
      "endpoints: [http://a:1, { url: http://A:1/ }]",
      ["/upstreams/orders/endpoints/1/url: is listed twice (use weight for a larger share)"],
    ],
    [
      "endpoints: [{ url: http://a:1, weight: 3 }, http://b:1]",
      ["/upstreams/orders/endpoints/0/weight: has no effect with balance: round-robin (balance: weighted)"],
    ],
    [
      "endpoints: [http://a:1], balance: hash",
      ['/upstreams/orders/hash_by: required key "hash_by" is missing (balance: hash needs to know by what)'],
    ],
    ["endpoints: [http://a:1], hash_by: tenant", ["/upstreams/orders/hash_by: has no effect without balance: hash"]],
    [
      "endpoints: [http://a:1, https://b:1]",
      ["/upstreams/orders/endpoints: http:// and https:// are mixed (all endpoints of one upstream are of one kind)"],
    ],
    ["endpoints: [http://a:1], tls: { ca_file: ca.pem }", ["/upstreams/orders/tls: has no effect with http://"]],
    [
      "endpoints: [https://a:1], tls: { cert_file: own.pem }",
      ['/upstreams/orders/tls/key_file: required key "key_file" is missing (a certificate and its key only together)'],
    ],
    ["endpoints: [https://a:1]", []],
    [
      "endpoints: [ftp://a:1]",
      ['/upstreams/orders/endpoints/0: expected an address such as http://127.0.0.1:9000, found "ftp://a:1"'],
    ],
    [
      "endpoints: [{ url: http://a:1, wieght: 3 }]",
      ['/upstreams/orders/endpoints/0/wieght: unknown key "wieght" (did you mean weight?)'],
    ],
    [
      "endpoints: [{ weight: 3 }], balance: weighted",
      [
        '/upstreams/orders/endpoints/0/url: required key "url" is missing (Where it listens, `http://host:port` or `https://host:port`)',
      ],
    ],
    [
      "endpoints: [http://a:1], fallback: [order]",
      ['/upstreams/orders/fallback/0: unknown upstream "order" (did you mean orders?)'],
    ],
    ["endpoints: [http://a:1], fallback: [orders]", ["/upstreams/orders/fallback: leads back to orders: orders -> orders"]],
    [
      "endpoints: [http://a:1], fallback: [{ upstream: orders, on: { statuses: [403] } }]",
      ["/upstreams/orders/fallback: leads back to orders: orders -> orders"],
    ],
    [
      "endpoints: [http://a:1], fallback: [{ upstream: order, on: { statuses: [403] } }]",
      ['/upstreams/orders/fallback/0/upstream: unknown upstream "order" (did you mean orders?)'],
    ],
    [
      "endpoints: [http://a:1], fallback: [{ upstream: orders, on: { statuses: [], body_contains: '', max_body: 1GiB } }]",
      [
        "/upstreams/orders/fallback: leads back to orders: orders -> orders",
        "/upstreams/orders/fallback/0/on/statuses: expected at least one status, found an empty list",
        '/upstreams/orders/fallback/0/on/body_contains: expected a text, found ""',
        '/upstreams/orders/fallback/0/on/max_body: expected a size between 0B and 64MiB, found "1GiB"',
      ],
    ],
    [
      "endpoints: [http://a:1], fallback: [{ upstream: orders, on: { statuses: [200], body: x } }]",
      [
        "/upstreams/orders/fallback: leads back to orders: orders -> orders",
        "/upstreams/orders/fallback/0/on/statuses/0: expected a whole number from 400 to 599, found the number 200",
        '/upstreams/orders/fallback/0/on/body: unknown key "body"',
      ],
    ],
    [
      "endpoints: [http://a:1], fallback: [{ upstream: orders }]",
      [
        "/upstreams/orders/fallback: leads back to orders: orders -> orders",
        '/upstreams/orders/fallback/0/on: required key "on" is missing (The response on which it is asked)',
      ],
    ],
  ])("%s", async (keys, issues) => {
    expect(await issuesIn(orders(keys))).toEqual(issues);
  });

  it("fall back to an end: each that is part of a circle says which way it goes", async () => {
    const text = orders(
      "endpoints: [http://a:1], fallback: [b] }\n  b: { endpoints: [http://b:1], fallback: [x, c] }\n  x: { endpoints: [http://x:1] }\n  c: { endpoints: [http://c:1], fallback: [orders]",
    );
    expect(await issuesIn(text)).toEqual([
      "/upstreams/orders/fallback: leads back to orders: orders -> b -> c -> orders",
      "/upstreams/b/fallback: leads back to b: b -> c -> orders -> b",
      "/upstreams/c/fallback: leads back to c: c -> orders -> b -> c",
    ]);
  });

  it("lead to eight others at most, whichever way", async () => {
    const chain = (length: number): string =>
      orders(
        `endpoints: [http://a:1], fallback: [u1] }\n${Array.from(
          { length },
          (_, at) => `  u${at + 1}: { endpoints: [http://b:${at + 1}]${at + 1 < length ? `, fallback: [u${at + 2}]` : ""} }`,
        )
          .join("\n")
          .replace(/ \}$/, "")}`,
      );
    expect(await issuesIn(chain(8))).toEqual([]);
    expect(await issuesIn(chain(9))).toEqual([
      "/upstreams/orders/fallback: leads to 9 upstreams (at most 8, those of fallbacks included)",
    ]);
  });
});
