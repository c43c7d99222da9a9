import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { createSecureContext } from "node:tls";
import type { Log } from "./log.ts";
import type { TlsMaterial } from "./rpc-server.ts";

/** The files some of it is in; what is in none stays as it is. */
export type TlsFiles = { readonly [Name in keyof TlsMaterial]?: string | undefined };

/**
 * Certificate, key and authorities of a server, which follow their files: the next connection uses what is there, connections that are
 * open stay. Content is taken when two looks in a row saw the same; what is half written, does not belong together or has expired is left
 * alone, and logged once.
 */
export class RotatingTls {
  readonly #files: TlsFiles;
  readonly #log: Log;
  #timer: NodeJS.Timeout | undefined;
  #renew: (material: TlsMaterial) => void = () => {};
  #material: TlsMaterial;
  #candidate: TlsMaterial;
  #isLooking = false;
  #complaint: string | undefined;

  constructor(material: TlsMaterial, files: TlsFiles, log: Log) {
    this.#files = files;
    this.#log = log;
    this.#material = material;
    this.#candidate = material;
  }

  /** What a server begins with. */
  get material(): TlsMaterial {
    return this.#material;
  }

  /** Follows the files, if there are any, and hands over what is to be used from then on. `renew` throws on what cannot be. */
  follow(renew: (material: TlsMaterial) => void): void {
    this.#renew = renew;
    if (Object.values(this.#files).every((file) => file === undefined)) return;
    this.#timer = setInterval(() => void this.#look(), LOOK_MS).unref();
  }

  /** Follows no file any more. */
  stop(): void {
    clearInterval(this.#timer);
  }

  async #look(): Promise<void> {
    if (this.#isLooking) return;
    this.#isLooking = true;
    try {
      const seen = await this.#read();
      const isQuiet = isSame(seen, this.#candidate);
      this.#candidate = seen;
      if (isSame(seen, this.#material)) this.#complaint = undefined;
      else if (isQuiet) this.#take(seen);
    } catch (error) {
      this.#complain(error);
    } finally {
      this.#isLooking = false;
    }
  }

  async #read(): Promise<TlsMaterial> {
    const { ca, cert, key } = this.#files;
    return {
      ca: ca === undefined ? this.#material.ca : await pemFile(ca),
      cert: cert === undefined ? this.#material.cert : await pemFile(cert),
      key: key === undefined ? this.#material.key : await pemFile(key),
    };
  }

  #take(material: TlsMaterial): void {
    this.#renew({ ...material, ca: checkedAuthorities(material) });
    this.#material = material;
    this.#complaint = undefined;
    this.#log({ level: "info", message: "certificates renewed" });
  }

  /** Once for each reason: a file that stays bad is looked at for ever. */
  #complain(error: unknown): void {
    const reason = error instanceof Error ? error.message : "unknown error";
    if (reason === this.#complaint) return;
    this.#complaint = reason;
    this.#log({ level: "warn", message: "certificates not renewed", reason });
  }
}

/** Twice this, and a file is taken. */
const LOOK_MS = 500;

const MAX_PEM_BYTES = 1024 * 1024;

async function pemFile(file: string): Promise<Buffer> {
  const { size } = await stat(file);
  if (size > MAX_PEM_BYTES) throw new Error(`${file} is larger than ${MAX_PEM_BYTES} bytes`);
  const bytes = await readFile(file);
  const text = bytes.toString("latin1");
  const count = (word: string): number => text.split(`-----${word} `).length - 1;
  // an empty authority would make Node fall back to the well-known ones
  if (count("BEGIN") === 0 || count("BEGIN") !== count("END")) throw new Error(`${file} holds no whole PEM text`);
  return bytes;
}

/** The authorities and nothing besides, if any. Throws, with the reason, unless everything can be served with. Nothing of a key is in the reason. */
function checkedAuthorities({ ca, cert, key }: TlsMaterial): Buffer | undefined {
  const leaf = parsed("certificate", () => new X509Certificate(cert));
  if (!leaf.checkPrivateKey(parsed("key", () => createPrivateKey(key)))) throw new Error("the key is not the certificate's");
  if (Date.now() >= leaf.validToDate.getTime()) throw new Error("the certificate has expired");
  const authorities = ca?.toString("latin1").match(CERTIFICATE) ?? undefined;
  if (ca !== undefined && authorities === undefined) throw new Error("there is no authority's certificate");
  for (const authority of authorities ?? []) parsed("authority", () => new X509Certificate(authority));
  parsed("TLS context", () => createSecureContext({ cert, key, ...(authorities && { ca: authorities }) }));
  return authorities && Buffer.from(authorities.join("\n"), "latin1");
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g;

function parsed<T>(what: string, parse: () => T): T {
  try {
    return parse();
  } catch {
    throw new Error(`the ${what} cannot be read`);
  }
}

const isSame = (one: TlsMaterial, other: TlsMaterial): boolean =>
  one.cert.equals(other.cert) &&
  one.key.equals(other.key) &&
  (one.ca?.equals(other.ca ?? Buffer.alloc(0)) ?? other.ca === undefined);
