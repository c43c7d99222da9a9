import { describe, expect, it } from "vitest";
import { issuesOf, minimal } from "../../support/config-text.ts";

/** Issues without their positions. */
const issuesIn = async (text: string): Promise<readonly string[]> =>
  (await issuesOf(text, { files: { "keys.yaml": "[]", "ops.token": "some-token" } })).map((issue) =>
    issue.replace(/^gateway\.yaml:\d+:\d+: /, ""),
  );

describe("protocols of a listener", () => {
  const listener = (keys: string): string => minimal().replace("8080 }", `8080, ${keys} }`);
  const TLS = "tls: { certs: [{ cert_file: c, key_file: k }] }";

  it("are HTTP/2 over TLS or without it, whichever the listener speaks", async () => {
    expect(await issuesIn(listener("protocols: [http1, http2]"))).toEqual([
      "/listeners/0/protocols/1: http2 is HTTP/2 over TLS, and this listener has no tls (h2c is HTTP/2 without it)",
    ]);
    expect(await issuesIn(listener(`protocols: [h2c], ${TLS}`))).toEqual([
      "/listeners/0/protocols/0: h2c is HTTP/2 without TLS, and this listener has tls (http2 is HTTP/2 over it)",
    ]);
    expect(await issuesIn(listener("protocols: []"))).toEqual([
      "/listeners/0/protocols: expected at least one protocol, found an empty list",
    ]);
    expect(await issuesIn(listener(`protocols: [http1, http2], ${TLS}`))).toEqual([]);
    expect(await issuesIn(listener("protocols: [h2c]"))).toEqual([]);
  });

  it("tell who may send a PROXY header by address", async () => {
    expect(await issuesIn(listener("proxy_protocol: true"))).toEqual([
      "/listeners/0/proxy_protocol: nobody could connect: trusted_proxies.cidrs is empty",
    ]);
    expect(await issuesIn(`${listener("proxy_protocol: true")}\ntrusted_proxies: { cidrs: [10.0.0.0/8] }\n`)).toEqual([]);
    expect(await issuesIn(listener("proxy_protocol: true").replace(/address: [^,]+/, "address: unix:/run/s.sock"))).toEqual([
      "/listeners/0/proxy_protocol: who may send it is told by address, and a unix: socket has none",
    ]);
  });

  it("may be spoken over a unix socket, of which the mode is said", async () => {
    const at = (address: string, more = ""): string => minimal().replace(/address: [^,}]+/, `address: "${address}"${more} `);
    expect(await issuesIn(at("unix:/run/sallyport/http.sock", ', socket_mode: "0600"'))).toEqual([]);
    expect(await issuesIn(at("unix:run/http.sock"))).toEqual([
      '/listeners/0/address: expected an absolute path, such as unix:/run/sallyport/http.sock, found "unix:run/http.sock"',
    ]);
    expect(await issuesIn(at(`unix:/${"x".repeat(103)}`))).toEqual([
      "/listeners/0/address: the path of a socket has at most 103 bytes",
    ]);
    expect(await issuesIn(at("127.0.0.1:8080", ', socket_mode: "0600"'))).toEqual([
      "/listeners/0/socket_mode: has no effect: address is no unix: socket",
    ]);
    expect(await issuesIn(at("unix:/run/s.sock", ", socket_mode: 0600"))).toMatchObject([
      expect.stringContaining('/listeners/0/socket_mode: expected a quoted mode such as "0660"'),
    ]);
  });
});
