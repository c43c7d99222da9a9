import { z } from "zod";
import type { ConfigIssue } from "../../model/config-issue.ts";
import { err, ok, type Result } from "../../model/result.ts";
import type { ApiKeyRecord } from "../gateway-config.ts";
import { principalSchema } from "../schema/authenticator.ts";
import { matching, name, written } from "../schema/primitives.ts";
import { Cursor } from "../source/cursor.ts";
import { readYaml } from "../source/read-yaml.ts";
import { validateShape } from "../validate/validate-shape.ts";

const sha256 = matching({ title: "SHA-256", expected: "64 lower-case hexadecimal digits", pattern: "^[0-9a-f]{64}$" });

const instant = written<number>({
  title: "point in time",
  expected: "a point in time such as 2030-01-31T00:00:00Z",
  parse: (text) => {
    const isComplete = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,3})?(Z|[+-]\d{2}:\d{2})$/.test(text);
    const epochMs = isComplete ? Date.parse(text) : Number.NaN;
    return Number.isNaN(epochMs) ? err("expected a point in time such as 2030-01-31T00:00:00Z") : ok(epochMs);
  },
});

/** The file an `api-key` authenticator names: a YAML list. No variables, no defaults. */
export const apiKeyFileSchema = z.array(
  z.strictObject({
    id: name.describe("Names the api key in logs; unique in the file."),
    sha256: sha256.describe("SHA-256 of the api key's text, lower-case hexadecimal."),
    principal: principalSchema.describe("Who the api key stands for."),
    expires_at: instant.optional().describe("When it stops being accepted; left out: never."),
  }),
);

/** Reads an api key file. Its issues carry its own path and positions, and nothing of its text. */
export function readApiKeys(file: string, text: string): Result<readonly ApiKeyRecord[], readonly ConfigIssue[]> {
  const { root, issues } = readYaml({ file, text, kind: "secret-file" });
  // a pointer is made of keys, which in a wrong file may be anything
  if (root === undefined || issues.length > 0) return err(issues.map((issue) => ({ ...issue, pointer: "" })));
  const shape = validateShape(apiKeyFileSchema, root);
  const repeated = repeatedRecords(new Cursor(root));
  if (shape.kind === "misfits") return err([...shape.issues, ...repeated]);
  if (repeated.length > 0) return err(repeated);
  return ok(
    shape.value.map(({ id, sha256: hash, principal, expires_at }) => ({ id, sha256: hash, principal, expiresAtMs: expires_at })),
  );
}

function repeatedRecords(records: Cursor): readonly ConfigIssue[] {
  const seen = new Set<string>();
  return records.items().flatMap((record) =>
    ["id", "sha256"].flatMap((key) => {
      const member = record.get(key);
      const text = member.text();
      if (text === undefined) return [];
      if (seen.has(`${key} ${text}`)) return member.issue(`this ${key} stands in the file twice`);
      seen.add(`${key} ${text}`);
      return [];
    }),
  );
}
