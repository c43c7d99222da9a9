import { readFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { Agent, request } from "node:https";
import type { JwksSource } from "./gateway-proof.ts";

/** Reads the text of a JWKS, whole and bounded. Rejects with an error that says why not; the waiting ends by itself. */
export type ReadJwks = () => Promise<string>;

/** Prepares the reading; throws a TypeError for a source that could never be trusted. */
export function readJwks(source: JwksSource): ReadJwks {
  // plain JavaScript may give both, or neither
  const given: { readonly url?: unknown; readonly file?: unknown } = source;
  if ((given.url === undefined) === (given.file === undefined))
    throw new TypeError("serve: gateway.jwks takes either url or file");
  if ("file" in source) return () => fromFile(source.file);
  const url = URL.canParse(source.url) ? new URL(source.url) : undefined;
  if (url?.protocol !== "https:") throw new TypeError("serve: gateway.jwks.url is an https:// address");
  const ca = authorities(source);
  // an agent of our own: a proxy of the environment is for others, and so is its word that certificates do not matter
  const agent = new Agent({ keepAlive: false, minVersion: "TLSv1.2", rejectUnauthorized: true, ...(ca !== undefined && { ca }) });
  return () => fromUrl(url, agent);
}

const MAX_JWKS_BYTES = 64 * 1024;

/** For the whole fetch: name, connection, answer. */
const FETCH_TIMEOUT_MS = 2_000;

function authorities({ ca, caFile }: { readonly ca?: string | Uint8Array; readonly caFile?: string }): Buffer | undefined {
  if (ca !== undefined && caFile !== undefined) throw new TypeError("serve: gateway.jwks takes either ca or caFile");
  if (ca === undefined && caFile === undefined) return undefined;
  const bytes = caFile === undefined ? Buffer.from(ca ?? "") : readFileSync(caFile);
  if (!bytes.includes("-----BEGIN ")) throw new TypeError("serve: gateway.jwks.ca holds no PEM text");
  return bytes;
}

async function fromFile(path: string): Promise<string> {
  await using file = await open(path);
  const stat = await file.stat();
  if (!stat.isFile()) throw new Error("the JWKS is not a regular file");
  const { bytesRead, buffer } = await file.read(Buffer.alloc(MAX_JWKS_BYTES + 1), 0, MAX_JWKS_BYTES + 1, 0);
  if (bytesRead > MAX_JWKS_BYTES) throw new Error(`the JWKS has more than ${MAX_JWKS_BYTES} bytes`);
  return buffer.toString("utf8", 0, bytesRead);
}

/** No redirect is followed: keys come from where the operator said. */
function fromUrl(url: URL, agent: Agent): Promise<string> {
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(FETCH_TIMEOUT_MS);
    const call = request(url, { agent, signal, headers: { accept: "application/json" } }, (response) => {
      const chunks: Buffer[] = [];
      let total = 0;
      if (response.statusCode !== 200) {
        call.destroy(new Error(`the JWKS was answered with ${response.statusCode}`));
        return;
      }
      response.on("data", (chunk: Buffer) => {
        total += chunk.byteLength;
        if (total > MAX_JWKS_BYTES) call.destroy(new Error(`the JWKS has more than ${MAX_JWKS_BYTES} bytes`));
        else chunks.push(chunk);
      });
      response.on("end", () => resolve(Buffer.concat(chunks).toString("utf8")));
      response.on("error", reject);
    });
    call.on("error", reject);
    call.end();
  });
}
