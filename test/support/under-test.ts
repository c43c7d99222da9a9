import type { ListenerCodec } from "../../src/adapters/inbound/listener-settings.ts";
import type { UpstreamClient } from "../../src/app/acquire-upstream.ts";

/** Which codec a whole run of tests is about, where a test does not say: `SALLYPORT_TEST_CODEC`. */
export const codecUnderTest = (): ListenerCodec => (process.env["SALLYPORT_TEST_CODEC"] === "sallyport" ? "sallyport" : "node");

/** Which upstream client: `SALLYPORT_TEST_UPSTREAM_CLIENT`. */
export const upstreamClientUnderTest = (): UpstreamClient =>
  process.env["SALLYPORT_TEST_UPSTREAM_CLIENT"] === "undici" ? "undici" : "sallyport";

/** The configuration with that codec on every listener; a listener is told from other things with an address by its name before it. */
export const withCodec = (config: string, codec: ListenerCodec): string =>
  codec === "node" ? config : config.replace(/(name: \w+)(, |\n *)(?=address: )/g, `$1$2codec: ${codec}$2`);

/** Whether a whole run of tests speaks HTTP/2 to gateways wherever a test's client does not care: `SALLYPORT_TEST_PROTOCOL`. */
export const http2UnderTest = (): boolean => process.env["SALLYPORT_TEST_PROTOCOL"] === "h2c";

/** The configuration with HTTP/2 beside HTTP/1.1 on every listener without TLS. */
export const withHttp2 = (config: string): string =>
  http2UnderTest() && !/\btls: \{ certs/.test(config)
    ? config.replace(/(name: \w+)(, |\n *)(?=(?:codec: \w+(?:, |\n *))?address: )/g, "$1$2protocols: [http1, h2c]$2")
    : config;
