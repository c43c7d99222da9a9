import type { ConfigIssue } from "../../model/config-issue.ts";
import { err, ok, type Result } from "../../model/result.ts";
import { Secret } from "../../model/secret.ts";
import { resolveBeside } from "../../support/file-path.ts";
import { isCredentialText } from "../checks/credentials.ts";
import type { ApiKeyRecord } from "../gateway-config.ts";
import { Cursor } from "../source/cursor.ts";
import type { ConfigNode } from "../source/config-node.ts";
import { readApiKeys } from "./api-key-file.ts";
import type { LoadedFiles } from "./loaded-files.ts";

/** Longest secret file; api key files may be as long as a configuration. */
const MAX_SECRET_BYTES = 64 * 1024;
const MAX_API_KEY_FILE_BYTES = 10 * 1024 * 1024;
const MAX_DESCRIPTOR_SET_BYTES = 10 * 1024 * 1024;

/**
 * Reads a whole file as UTF-8 text. The path is as written, or joined to the folder of the configuration file. The error is one
 * fragment that quotes nothing of the file; the path in it is left out of the issue. Must refuse a file above `maxBytes`, and must
 * end: it has a deadline of its own.
 */
export type ReadTextFile = (
  path: string,
  maxBytes: number,
  /** `base64`: the file is no text; its bytes in that form. */
  form?: "base64",
) => Promise<Result<string, string>>;

/** Reads every file that holds a secret, api keys or a descriptor set. Certificates and keys are read by who uses them, again when they change. */
export async function readFiles(
  file: string,
  root: ConfigNode,
  read: ReadTextFile,
): Promise<{ readonly files: LoadedFiles; readonly issues: readonly ConfigIssue[] }> {
  const config = new Cursor(root);
  const secrets = new Map<string, Secret>();
  const apiKeys = new Map<string, readonly ApiKeyRecord[]>();
  const issues: ConfigIssue[] = [];
  for (const { key, pointer } of secretFiles(config)) {
    const secret = await readSecret(file, key, read);
    if (secret.ok) secrets.set(pointer, secret.value);
    else issues.push(...key.issue(secret.error));
  }
  for (const key of apiKeyFiles(config)) {
    const path = resolveBeside(file, key.text() ?? "");
    const text = await readNamed(path, MAX_API_KEY_FILE_BYTES, read);
    const found = text.ok ? readApiKeys(path, text.value) : err(key.issue(text.error));
    if (found.ok) apiKeys.set(key.pointer, found.value);
    else issues.push(...found.error);
  }
  const descriptorSets = new Map<string, string>();
  for (const key of descriptorSetFiles(config)) {
    const path = resolveBeside(file, key.text() ?? "");
    const bytes = await readNamed(path, MAX_DESCRIPTOR_SET_BYTES, (name, maxBytes) => read(name, maxBytes, "base64"));
    if (bytes.ok) descriptorSets.set(key.pointer, bytes.value);
    else issues.push(...key.issue(bytes.error));
  }
  for (const { key, pointer } of inlineSecrets(config)) secrets.set(pointer, new Secret(key.text() ?? ""));
  return { files: new FileContents(file, { secrets, apiKeys, descriptorSets }), issues };
}

/** People paste a secret where the path of its file is due: the path is not repeated. */
async function readNamed(path: string, maxBytes: number, read: ReadTextFile): Promise<Result<string, string>> {
  const text = await read(path, maxBytes);
  const asWord = new RegExp(`(?<![A-Za-z0-9])${RegExp.escape(path)}(?![A-Za-z0-9])`, "g");
  return text.ok ? text : err(text.error.replaceAll(asWord, "the file"));
}

interface FilesByPointer {
  readonly secrets: ReadonlyMap<string, Secret>;
  readonly apiKeys: ReadonlyMap<string, readonly ApiKeyRecord[]>;
  readonly descriptorSets: ReadonlyMap<string, string>;
}

class FileContents implements LoadedFiles {
  readonly #file: string;
  readonly #secrets: ReadonlyMap<string, Secret>;
  readonly #apiKeys: ReadonlyMap<string, readonly ApiKeyRecord[]>;
  readonly #descriptorSets: ReadonlyMap<string, string>;

  constructor(file: string, { secrets, apiKeys, descriptorSets }: FilesByPointer) {
    this.#file = file;
    this.#secrets = secrets;
    this.#apiKeys = apiKeys;
    this.#descriptorSets = descriptorSets;
  }

  resolve(path: string): string {
    return resolveBeside(this.#file, path);
  }

  secretAt(pointer: string): Secret {
    const secret = this.#secrets.get(pointer);
    if (secret === undefined) throw new Error(`no secret was read for ${pointer}`);
    return secret;
  }

  descriptorSetAt(pointer: string): string {
    const bytes = this.#descriptorSets.get(pointer);
    if (bytes === undefined) throw new Error(`no descriptor set was read for ${pointer}`);
    return bytes;
  }

  apiKeysAt(pointer: string): readonly ApiKeyRecord[] {
    const apiKeys = this.#apiKeys.get(pointer);
    if (apiKeys === undefined) throw new Error(`no api keys were read for ${pointer}`);
    return apiKeys;
  }
}

/** What the schema refuses as a path is not looked for. */
const isPath = (text: string | undefined): boolean => text !== undefined && /^[^\u0000-\u001f\u007f]{1,4096}$/.test(text);

/** A key that gives a secret, and the pointer the secret is asked for by. */
interface SecretKey {
  readonly key: Cursor;
  readonly pointer: string;
}

function secretFiles(config: Cursor): readonly SecretKey[] {
  const credentials = config
    .get("upstreams")
    .entries()
    .map(([, upstream]) => upstream.get("credential"));
  const tokens = config
    .get("authenticators")
    .entries()
    .filter(([, each]) => each.get("type").text() === "static-token");
  const keys = [
    ...credentials.map((credential) => ({ key: credential.get("secret_file"), pointer: credential.pointer })),
    ...tokens.map(([, each]) => each.get("token_file")).map((key) => ({ key, pointer: key.pointer })),
  ];
  return keys.filter(({ key }) => isPath(key.text()));
}

function inlineSecrets(config: Cursor): readonly SecretKey[] {
  const credentials = config
    .get("upstreams")
    .entries()
    .map(([, upstream]) => upstream.get("credential"));
  return credentials
    .map((credential) => ({ key: credential.get("secret"), pointer: credential.pointer }))
    .filter(({ key }) => key.text() !== undefined);
}

function descriptorSetFiles(config: Cursor): readonly Cursor[] {
  const upstreams = config.get("upstreams").entries();
  return upstreams.map(([, each]) => each.get("descriptor_set_file")).filter((key) => isPath(key.text()));
}

function apiKeyFiles(config: Cursor): readonly Cursor[] {
  const keyed = config
    .get("authenticators")
    .entries()
    .filter(([, each]) => each.get("type").text() === "api-key");
  return keyed.map(([, each]) => each.get("file")).filter((key) => isPath(key.text()));
}

async function readSecret(file: string, key: Cursor, read: ReadTextFile): Promise<Result<Secret, string>> {
  const text = await readNamed(resolveBeside(file, key.text() ?? ""), MAX_SECRET_BYTES, read);
  if (!text.ok) return text;
  // editors end files with a line break
  const secret = text.value.replace(/\r?\n$/, "");
  return isCredentialText(secret)
    ? ok(new Secret(secret))
    : err("the file holds no credential: expected one line of visible ASCII characters");
}
