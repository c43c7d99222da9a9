import { DEMO_CALLERS, DEMO_QUOTA } from "./demo-config.ts";

/** One thing to try: what it shows, the line to type, and the same request as data. */
export interface DemoRequest {
  readonly shows: string;
  readonly curl: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** How often it is sent; the last answer counts. */
  readonly times: number;
}

/** The four requests of the demonstration. */
export function demoRequests(places: { readonly gatewayPort: number; readonly adminPort: number }): readonly DemoRequest[] {
  const orders = `http://127.0.0.1:${places.gatewayPort}/v1/orders/42`;
  const [alice, bob] = DEMO_CALLERS;
  const as = (apiKey: string, tenant: string): Readonly<Record<string, string>> => ({
    authorization: `Bearer ${apiKey}`,
    "x-tenant-id": tenant,
  });
  return [
    request("allowed, and patched: the upstream sees a tenant it can trust, and no credential", orders, as(alice.apiKey, "acme")),
    request("denied by tenancy: alice is no member of globex", orders, as(alice.apiKey, "globex")),
    request(
      `denied by quota: bob's tenant has ${DEMO_QUOTA} requests a minute`,
      orders,
      as(bob.apiKey, "globex"),
      DEMO_QUOTA + 1,
    ),
    request("health, and why", `http://127.0.0.1:${places.adminPort}/ready`, {}),
  ];
}

function request(shows: string, url: string, headers: DemoRequest["headers"], times = 1): DemoRequest {
  const flags = Object.entries(headers).map(([name, value]) => `-H '${name}: ${value}'`);
  const one = ["curl", times > 1 ? "-si" : "-i", ...flags, url].join(" ");
  const numbers = Array.from({ length: times }, (_, index) => index + 1).join(" ");
  return { shows, url, headers, times, curl: times > 1 ? `for n in ${numbers}; do ${one}; done` : one };
}

/** What came back, as lines: status, the headers that matter here, the body. */
export async function tryRequest({ url, headers, times }: DemoRequest): Promise<readonly string[]> {
  let lines: readonly string[] = [];
  for (let sent = 0; sent < times; sent += 1) lines = await answerLines(url, headers);
  return lines;
}

async function answerLines(url: string, headers: DemoRequest["headers"]): Promise<readonly string[]> {
  const response = await fetch(url, { headers, signal: AbortSignal.timeout(5_000) });
  const retryAfter = response.headers.get("retry-after");
  const body = (await response.text()).trim();
  return [
    `HTTP/1.1 ${response.status} ${response.statusText}`,
    ...(retryAfter === null ? [] : [`retry-after: ${retryAfter}`]),
    body,
  ];
}
