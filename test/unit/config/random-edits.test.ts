import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { interceptor, loadText, minimal } from "../../support/config-text.ts";

const CANARY = "canary-77aa";

const valid = minimal(`status: { address: "127.0.0.1:\${PORT:-9081}" }
log: { level: '\${LEVEL}' }
defaults: &defaults { route: { labels: { a: b } }, upstream: { max_requests: 5 } }
authenticators:
  ops: { type: static-token, token_file: ops.token, principal: { id: ops } }
${interceptor({ binding: "needs: [/request/headers/x-tenant-id]\n        match: { routes: [orders], when: 'true' }" })}require: [{ phase: pre-route, interceptor: tenancy }]
`);

/** Cuts a piece out and puts another in, often one that means something to YAML or to us. */
const edit = fc.record({
  at: fc.nat(valid.length),
  cut: fc.nat(12),
  put: fc.oneof(
    fc.constantFrom(
      "",
      "{",
      "}",
      "[",
      "]",
      ":",
      ": ",
      "\n",
      "\n  ",
      "- ",
      "*defaults",
      "&a ",
      "<<: *defaults\n",
      "${",
      "${X}",
      "$${",
      "'",
      '"',
      "|",
      "#",
      "!",
      "\t",
      "0",
      "null",
      "~",
      "\u0000",
      "\ud800",
      "__proto__: ",
    ),
    fc.string({ maxLength: 8 }),
    fc.constant(valid),
  ),
});

const apply = (text: string, { at, cut, put }: { at: number; cut: number; put: string }): string =>
  text.slice(0, at) + put + text.slice(at + cut);

describe("any text at all", () => {
  it("gives a configuration or issues at real places, never a throw, and never shows the environment", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(edit, { minLength: 1, maxLength: 4 }), async (edits) => {
        const text = edits.reduce(apply, valid);
        const loaded = await loadText(text, { env: { LEVEL: CANARY, X: CANARY }, files: { "ops.token": CANARY } });
        const lines = text.split("\n").length;
        for (const issue of loaded.ok ? [] : loaded.error) {
          expect(issue.line).toBeGreaterThan(0);
          expect(issue.line).toBeLessThanOrEqual(lines + 1);
          expect(JSON.stringify(issue)).not.toContain(CANARY);
        }
      }),
      { numRuns: 300 },
    );
  }, 60_000);
});
