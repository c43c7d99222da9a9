import { randomBytes } from "node:crypto";
import { connect, type ConnectionOptions, createSecureContext, type TLSSocket } from "node:tls";
import type { ConformanceCase } from "../conformance-case.ts";
import { ensure, fail, quoted, skip } from "../finding.ts";
import type { Probe } from "../probe.ts";
import { saidTo } from "../raw-socket.ts";
import { tlsSocketOptions } from "../secure-connection.ts";
import { strangerCertificate } from "../stranger-certificate.ts";
import type { ClientTls } from "../suite-options.ts";

/** The beginning of an HTTP/2 connection in the clear: preface and empty SETTINGS (RFC 9113 section 3.4). */
const CLEAR_HTTP2 = Buffer.concat([Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), Buffer.from("000000040000000000", "hex")]);

/** Who gets in. Skipped under `grpc://`, where everybody does. */
export const TRUST_CASES: readonly ConformanceCase[] = [
  {
    name: "tls-server-certificate",
    rule: "§9",
    requires: "the service shows a certificate of the authority that names it, over TLS 1.2 or later, and speaks HTTP/2 by ALPN",
    async run(probe) {
      const shaken = await handshake(tlsOf(probe).options);
      if (typeof shaken === "string") return fail(shaken);
      ensure(shaken.alpn === "h2", `ALPN chose ${quoted(String(shaken.alpn))}`);
      return shaken.protocol;
    },
  },
  {
    name: "tls-no-client-certificate",
    rule: "§9",
    requires: "a caller without a certificate is not served",
    run: (probe) => isKeptOut(probe, { pair: undefined }, "a caller without a certificate"),
  },
  {
    name: "tls-stranger-certificate",
    rule: "§9",
    requires: "a caller with a certificate of another authority is not served",
    run: (probe) => isKeptOut(probe, { pair: strangerCertificate() }, "a caller with a certificate of another authority"),
  },
  {
    name: "tls-old-version",
    rule: "§9",
    requires: "TLS 1.1 is refused",
    async run(probe) {
      const { options, tls } = tlsOf(probe);
      const versions = { minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" } as const;
      const secureContext = createSecureContext({
        ca: tls.ca,
        ...(tls.pair && { cert: tls.pair.cert, key: tls.pair.key }),
        ...versions,
      });
      const shaken = await handshake({ ...options, ...versions, secureContext });
      if (typeof shaken !== "string") fail(`the handshake succeeds with ${shaken.protocol}`);
    },
  },
  {
    name: "tls-plaintext",
    rule: "§9",
    requires: "HTTP/2 in the clear is not answered on the TLS port",
    async run(probe) {
      tlsOf(probe);
      const said = await saidTo(probe.options, CLEAR_HTTP2, { withinMs: 2_000, enough: 9 });
      // SETTINGS is frame type 4
      ensure(said.length < 9 || said[3] !== 4, "the service answers with HTTP/2 SETTINGS in the clear");
    },
  },
  {
    name: "tls-garbage",
    rule: "§9",
    requires: "bytes that are no TLS, and handshakes that are broken off, harm nothing",
    async run(probe) {
      tlsOf(probe);
      const hello = Buffer.from("16030100ff010000fb0303", "hex");
      for (const bytes of [randomBytes(512), Buffer.from("GET / HTTP/1.1\r\n\r\n"), hello]) {
        await saidTo(probe.options, bytes, { withinMs: 200, enough: 1 });
      }
      await probe.stillServes("bytes that are no TLS");
    },
  },
  {
    name: "tls-strangers-do-not-lock-out",
    rule: "§9",
    requires: "30 strangers at the door do not keep the gateway out",
    async run(probe) {
      const { tls } = tlsOf(probe);
      const pair = strangerCertificate();
      const { options } = tlsOf(probe);
      const secureContext = createSecureContext({ ca: tls.ca, cert: pair.cert, key: pair.key });
      await Promise.all(Array.from({ length: 30 }, () => handshake({ ...options, secureContext })));
      await probe.stillServes("30 strangers");
    },
  },
];

function tlsOf({ options }: Probe): { readonly options: ConnectionOptions; readonly tls: ClientTls } {
  const socketOptions = tlsSocketOptions(options);
  if (options.tls === undefined || socketOptions === undefined) return skip("the service is asked in the clear");
  return { options: socketOptions, tls: options.tls };
}

async function isKeptOut(probe: Probe, changes: Pick<ClientTls, "pair">, who: string): Promise<void> {
  const { tls } = tlsOf(probe);
  if (tls.pair === undefined) skip("no --cert was given: callers prove themselves by a token alone");
  using connection = probe.connect({ tls: { ca: tls.ca, ...changes } });
  const answer = await probe.describe([], { connection });
  if (answer.kind === "reply") fail(`${who} gets the manifest`);
  await probe.stillServes(who);
}

interface Handshake {
  readonly alpn: string | false | null;
  readonly protocol: string;
}

/** A TLS handshake as the client sees it; the reason when there is none. */
function handshake(options: ConnectionOptions): Promise<Handshake | string> {
  return new Promise((resolve) => {
    const socket: TLSSocket = connect(options);
    const end = (how: Handshake | string): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(how);
    };
    const timer = setTimeout(() => end("no TLS handshake within 5 s"), 5_000);
    socket.once("secureConnect", () => end({ alpn: socket.alpnProtocol, protocol: socket.getProtocol() ?? "no protocol" }));
    socket.on("error", (error) => end(`no TLS handshake: ${error.message}`));
  });
}
