import type { ConfigIssue } from "../../model/config-issue.ts";
import type { Cursor } from "../source/cursor.ts";

/** What the keys of a `cors` policy say together, and with the route it stands on. */
export function checkCors(config: Cursor): readonly ConfigIssue[] {
  return config
    .get("routes")
    .items()
    .flatMap((route) => {
      const cors = route.get("policies").get("cors");
      return [...checkAny(cors), ...checkHeaders(cors), ...checkMethods(cors, route.get("match").get("methods"))];
    });
}

/** With credentials, whatever stands for any page would let every page act for whoever is logged in; browsers take `*` for a name then. */
function checkAny(cors: Cursor): ConfigIssue[] {
  const hasCredentials = cors.get("credentials").isTrue();
  return ["origins", "expose"].flatMap((key) => {
    const items = cors.get(key).items();
    const any = items.find((item) => item.text() === "*");
    if (any === undefined) return [];
    if (hasCredentials) return any.issue("* does not go with credentials: true", `list the ${NAMES[key] ?? key}`);
    return items.length > 1 ? any.issue("* stands alone", `list the ${NAMES[key] ?? key}, or only *`) : [];
  });
}

const NAMES: Readonly<Record<string, string>> = { origins: "origins that may", expose: "headers" };

/** In what a preflight is answered `*` would not stand for `authorization`, and with credentials for nothing at all. */
const checkHeaders = (cors: Cursor): ConfigIssue[] =>
  cors
    .get("headers")
    .items()
    .filter((item) => item.text() === "*")
    .flatMap((item) => item.issue("* is not the name of a header", "leave headers out to let any be set"));

/** A method the route does not take is answered 405 before the policy is asked. */
function checkMethods(cors: Cursor, taken: Cursor): ConfigIssue[] {
  const methods = cors.get("methods");
  // from defaults.route it is meant for the others
  if (methods.node === undefined || methods.node.home.startsWith("/defaults/")) return [];
  const known = taken.texts();
  if (known.length === 0) return [];
  const isTaken = (name: string | undefined): boolean =>
    name === undefined || known.includes(name) || (name === "HEAD" && known.includes("GET"));
  return methods
    .items()
    .filter((item) => !isTaken(item.text()))
    .flatMap((item) => item.issue(`the route does not take ${item.text() ?? ""}`, `it takes ${known.join(", ")}`));
}
