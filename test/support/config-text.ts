import type { ReadTextFile } from "../../src/config/files/read-files.ts";
import { loadConfig, type LoadedConfig } from "../../src/config/load-config.ts";
import { type ConfigIssue, formatIssue } from "../../src/model/config-issue.ts";
import { err, ok, type Result } from "../../src/model/result.ts";

/** Files by path, in memory; every other path is missing. */
export const textFiles =
  (files: Readonly<Record<string, string>>): ReadTextFile =>
  async (path, maxBytes) => {
    const text = files[path];
    if (text === undefined) return err(`${path} does not exist`);
    return text.length > maxBytes ? err(`${path} is too large`) : ok(text);
  };

/** What surrounds a configuration in a test. */
export interface Surroundings {
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly files?: Readonly<Record<string, string>>;
}

/** Loads `gateway.yaml` with this text. */
export const loadText = (
  text: string,
  { env = {}, files = {} }: Surroundings = {},
): Promise<Result<LoadedConfig, readonly ConfigIssue[]>> =>
  loadConfig({ file: "gateway.yaml", text }, { env, readFile: textFiles(files) });

/** The configuration; fails with its issues where there are any. */
export async function configOf(text: string, surroundings?: Surroundings): Promise<LoadedConfig> {
  const loaded = await loadText(text, surroundings);
  if (loaded.ok) return loaded.value;
  throw new Error(loaded.error.map(formatIssue).join("\n"));
}

/** One line per issue, as people read them. */
export async function issuesOf(text: string, surroundings?: Surroundings): Promise<readonly string[]> {
  const loaded = await loadText(text, surroundings);
  return loaded.ok ? [] : loaded.error.map(formatIssue);
}

/** The smallest complete file with one route; what `more` says comes after it. */
export const minimal = (more = ""): string => `version: 1
listeners:
  - { name: public, address: 127.0.0.1:8080 }
upstreams:
  orders: { endpoints: ["http://127.0.0.1:9000"] }
routes:
  - { name: orders, match: { path: /v1/orders/** }, authenticate: [anonymous], upstream: orders }
${more}`;

/** An interceptor with one binding, each with further keys. */
export const interceptor = (keys: { readonly own?: string; readonly binding?: string } = {}): string => `interceptors:
  - name: tenancy
    endpoint: grpcs://tenancy.internal:7443
    tls: { ca_file: ca.pem, cert_file: gw.pem, key_file: gw.key }
    ${keys.own ?? "order: 1000"}
    bindings:
      - id: assign-tenant
        phase: pre-route
        mode: mutate
        ${keys.binding ?? "order: 0"}
`;

/** Issues without their positions. */
export const issuesWithin = async (text: string): Promise<readonly string[]> =>
  (await issuesOf(text, { files: { "keys.yaml": "[]", "ops.token": "some-token" } })).map((issue) =>
    issue.replace(/^gateway\.yaml:\d+:\d+: /, ""),
  );
