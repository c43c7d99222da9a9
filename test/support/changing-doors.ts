import { testCertificates } from "./certificates.ts";
import { freePort } from "./free-port.ts";

/** Listeners that come, change and go from turn to turn, of every kind there is: TLS with HTTP/2, behind proxies, on a unix socket. */
export interface ChangingDoors {
  /** Files the configuration names. */
  readonly files: Readonly<Record<string, string>>;
  /** As further members of `listeners`. No two turns in a row are the same. */
  at(turn: number): string;
}

/** Chooses their addresses; `socketPath` is for the unix socket. */
export async function changingDoors(socketPath: string): Promise<ChangingDoors> {
  const { cert, key } = await (await testCertificates()).server();
  const [secure, proxied, plain] = [await freePort(), await freePort(), await freePort()];
  const tls = "tls: { certs: [{ cert_file: door.pem, key_file: door.key }] }";
  return {
    files: { "door.pem": cert, "door.key": key },
    at: (turn) => {
      const limits = `limits: { uri_bytes: ${1 + (turn % 7)}KiB }`;
      const doors = [
        `{ name: secure, address: "127.0.0.1:${secure}", ${tls}, protocols: [http1, http2], ${limits} }`,
        `{ name: local, address: "unix:${socketPath}", protocols: [http1, h2c], ${limits} }`,
        `{ name: proxied, address: "127.0.0.1:${proxied}", proxy_protocol: true, ${limits} }`,
        `{ name: h2c-only, address: "127.0.0.1:${plain}", protocols: [h2c], ${limits} }`,
        `{ name: now-tls, address: "127.0.0.1:${plain}", ${tls}, ${limits} }`,
      ];
      // each stands in some turns: it is opened, changed, and closed; the last two take turns on one address
      return doors
        .filter((_door, index) => (index < 3 ? (turn + index) % 4 !== 0 : (turn % 2 === 0) === (index === 3)))
        .join(", ");
    },
  };
}
