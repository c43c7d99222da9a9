import { createHash, randomBytes, randomUUID, timingSafeEqual } from "node:crypto";
import { link, rm, stat } from "node:fs/promises";
import { Secret } from "../../model/secret.ts";
import { err, ok, type Result } from "../../model/result.ts";
import { errorCode, readBounded } from "../files/read-bounded.ts";
import { writeWhole } from "../files/write-whole.ts";

/** Tokens made here have 256 bits; one from elsewhere is refused when shorter than this. */
const MIN_CHARACTERS = 16;
const MAX_BYTES = 4096;

/** What was found or made. */
export interface TokenFile {
  readonly created: boolean;
  /** Somebody else on this machine may read it: a fragment for a warning; undefined when nobody may. */
  readonly warning: string | undefined;
}

/** Makes the admin token's file (mode 0600, its directory 0700) when it is missing. An existing one is checked, never changed. */
export async function ensureTokenFile(path: string): Promise<Result<TokenFile, string>> {
  try {
    await createTokenFile(path);
    return ok({ created: true, warning: undefined });
  } catch (error) {
    if (errorCode(error) !== "EEXIST") return err(`${path} cannot be written: ${errorCode(error)}`);
  }
  const read = await readAdminToken(path);
  if (!read.ok) return read;
  const { mode } = await stat(path);
  const isShared = (mode & 0o077) !== 0;
  return ok({
    created: false,
    warning: isShared ? `${path} is open to others (mode ${(mode & 0o777).toString(8)}); 600 is meant` : undefined,
  });
}

/** Of two gateways starting at once one makes the file, whole, and the other finds it: a link fails where a name is taken. */
async function createTokenFile(path: string): Promise<void> {
  const temporary = `${path}.${randomUUID()}.new`;
  await writeWhole(temporary, `${randomBytes(32).toString("base64url")}\n`, 0o600);
  try {
    await link(temporary, path);
  } finally {
    await rm(temporary, { force: true });
  }
}

/** The admin token: the file's text without surrounding white space. The error names the file and never what it holds. */
export async function readAdminToken(path: string): Promise<Result<Secret, string>> {
  const bytes = await readBounded(path, MAX_BYTES);
  if (!bytes.ok) return bytes;
  const text = bytes.value.toString("utf8").trim();
  if (!/^[\x21-\x7e]+$/.test(text) || text.length < MIN_CHARACTERS)
    return err(`${path} does not hold an admin token: one line of at least ${MIN_CHARACTERS} visible ASCII characters`);
  return ok(new Secret(text));
}

/** Whether a presented token is the expected one; takes as long for a wrong one as for the right one, whatever its length. */
export const isSameToken = (presented: string, expected: Secret): boolean =>
  timingSafeEqual(digest(presented), digest(expected.reveal()));

const digest = (text: string): Buffer => createHash("sha256").update(text, "utf8").digest();
