import { z } from "zod";
import type { CorsPlan } from "../../model/route-plan.ts";
import { err, ok, type Result } from "../../model/result.ts";
import { isIpAddress } from "../../support/ip-address.ts";
import { headerName, isHostName, method } from "./http-words.ts";
import { duration, HOUR_MS, nonEmpty, written } from "./primitives.ts";

/** An origin as browsers write it, or with `*` for the names below one. */
const origin = written<string>({
  title: "origin",
  expected: "an origin such as https://app.example.org",
  parse: parseOrigin,
});

/** `policies.cors` of a route. */
export const corsSchema = z.strictObject({
  origins: z
    .array(origin)
    .min(1, { error: 'expected at least one origin: ["*"] lets any page in' })
    .describe(
      'Origins of the pages: exact, or `https://*.example.org` for every name below one. `["*"]`: any page, without credentials.',
    ),
  methods: nonEmpty(method, "method")
    .optional()
    .describe(
      "Methods a page may use, GET including HEAD; left out: those of `match`, or any. GET, HEAD and POST need no leave.",
    ),
  headers: z
    .array(headerName)
    .optional()
    .describe("Request headers a page may set beyond those browsers need no leave for; left out: any; `[]`: none."),
  expose: z.array(headerName).prefault([]).describe('Response headers a script may read beyond the safe ones; `["*"]`: all.'),
  max_age: duration({ minMs: 0, maxMs: 24 * HOUR_MS })
    .prefault("1h")
    .describe("How long browsers may remember the answer to a preflight; they have bounds of their own (Chromium 2h)."),
  credentials: z
    .boolean()
    .default(false)
    .describe(
      "Whether cookies, client certificates and HTTP logins come along. An `authorization` header set by a script does not need it.",
    ),
  private_network: z
    .boolean()
    .default(false)
    .describe("Whether pages of the public internet may ask a gateway in a private network, where browsers ask for that."),
});

/** The policy as the program sees it; `taken`: the methods its route takes, empty for any. */
export function toCors(parsed: z.output<typeof corsSchema>, taken: readonly string[]): CorsPlan {
  const methods = parsed.methods ?? (taken.length === 0 ? undefined : taken);
  return {
    origins: [...new Set(parsed.origins)],
    methods: methods?.includes("GET") === true ? [...new Set([...methods, "HEAD"])] : methods,
    headers: parsed.headers,
    expose: parsed.expose,
    maxAgeMs: parsed.max_age,
    credentials: parsed.credentials,
    privateNetwork: parsed.private_network,
  };
}

/** Says what browsers would never send, since an origin that never matches is found by nobody. */
function parseOrigin(text: string): Result<string, string> {
  if (text === "*") return ok(text);
  if (text === "null") return err("null is the origin of any page that wants it: there is no way to let in one of them");
  const match = ORIGIN.exec(text.toLowerCase());
  if (match === null)
    return err(LACKS_SCHEME.test(text) ? `expected the scheme too: https://${text} or http://${text}` : EXPECTED);
  const [, scheme = "", host = "", port, rest = ""] = match;
  if (rest !== "") return err(`${EXPECTED}, without a path or a slash at the end`);
  if (Number(port ?? 0) > 65_535) return err(EXPECTED);
  if (port !== undefined && port === USUAL_PORTS[scheme])
    return err(`browsers leave out port ${port} of ${scheme}: leave it out too`);
  const name = host.startsWith("*.") ? host.slice(2) : host;
  const isAddress = host.startsWith("[") && isIpAddress(host.slice(1, -1));
  if (!isAddress && !isHostName(name)) return err(host.includes("*") ? ONLY_IN_FRONT : EXPECTED);
  if (name !== host && !name.includes(".") && name !== "localhost")
    return err(`${host} would let in every name under ${name}: name a domain of your own`);
  return ok(`${scheme}://${host}${port === undefined ? "" : `:${port}`}`);
}

const EXPECTED = "expected an origin such as https://app.example.org";

const LACKS_SCHEME = /^[^/:]+(:\d+)?$/;

const ONLY_IN_FRONT = "a * stands for the whole front of a name, as in https://*.example.org";

const ORIGIN = /^([a-z][a-z0-9+.-]*):\/\/(\[[0-9a-f:.]+\]|[^/:?#@[\]\s]+)(?::([1-9][0-9]{0,4}))?([/?#].*)?$/;

const USUAL_PORTS: Readonly<Record<string, string>> = { http: "80", https: "443" };
