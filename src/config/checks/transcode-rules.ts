import type { ConfigIssue } from "../../model/config-issue.ts";
import { comparablePath, type PathSegment } from "../../model/path-pattern.ts";
import { nearestWord } from "../../support/edit-distance.ts";
import { parsePathPattern } from "../path-pattern.ts";
import { CALL_KEYS } from "../schema/transcode.ts";
import type { Cursor } from "../source/cursor.ts";
import { pathOf } from "./route-path.ts";

/** The rules of a route's `transcode`, as far as the file alone tells: each is one call, of a service that is offered, which requests of the route can make. */
export function checkRules(route: Cursor): readonly ConfigIssue[] {
  const transcode = route.get("transcode");
  const services = new Set(transcode.get("services").texts());
  const seen = new Set<string>();
  return transcode
    .get("rules")
    .items()
    .flatMap((rule) => {
      const method = rule.get("method").text() ?? "";
      const isAgain = seen.has(method);
      seen.add(method);
      return [
        ...ofOffered(rule.get("method"), services),
        ...(isAgain
          ? rule.get("method").issue(`${method} has a rule already`, "put further calls under additional of the first")
          : []),
        ...[rule, ...rule.get("additional").items()].flatMap((call) => checkCall(call, route)),
      ];
    });
}

/** The streams of a route's `transcode` that are server-sent events: each method once, and ids only where a client can come back with them. */
export function checkEvents(route: Cursor): readonly ConfigIssue[] {
  const transcode = route.get("transcode");
  const services = new Set(transcode.get("services").texts());
  const seen = new Set<string>();
  return transcode
    .get("sse")
    .items()
    .flatMap((events) => {
      const method = events.get("method").text() ?? "";
      const isAgain = seen.has(method);
      seen.add(method);
      const [id, resume] = [events.get("id"), events.get("resume")];
      return [
        ...ofOffered(events.get("method"), services),
        ...(isAgain ? events.get("method").issue(`${method} is there already`) : []),
        ...(resume.node === undefined
          ? id.issue("has no effect without resume", "a client could not come back with its last id")
          : []),
        ...(id.node === undefined ? resume.issue("has no effect without id", "no client would ever have a last id") : []),
      ];
    });
}

/** A method is one of a service that the route offers. */
export function ofOffered(method: Cursor, services: ReadonlySet<string>): readonly ConfigIssue[] {
  const [service = "", name] = (method.text() ?? "").split("/");
  if (name === undefined || services.size === 0 || services.has(service)) return [];
  const meant = nearestWord(service, services);
  return method.issue(
    `service ${service} is not offered here`,
    meant === undefined ? "add it to services" : `did you mean ${meant}? else add it to services`,
  );
}

function checkCall(call: Cursor, route: Cursor): readonly ConfigIssue[] {
  if (call.node?.kind !== "map") return [];
  const [key, another] = CALL_KEYS.filter((each) => call.get(each).node !== undefined);
  if (key === undefined) return call.issue("says no way to be called", `add one of ${CALL_KEYS.join(", ")}`);
  if (another !== undefined)
    return call.get(another).issue(`${key} is there already`, "one rule is one call: put the others under additional");
  const isBodyless = key === "get" && call.get("body").node !== undefined;
  const body = isBodyless ? call.get("body").issue("a GET has no body", "leave body out, or use post") : [];
  return [...body, ...checkReach(call.get(key), key, route)];
}

/** What no request of the route can ask for is a mistake, here or in its match. */
function checkReach(path: Cursor, key: (typeof CALL_KEYS)[number], route: Cursor): readonly ConfigIssue[] {
  const match = route.get("match");
  const methods = match.get("methods").texts();
  const verb = key.toUpperCase();
  if (key !== "any" && methods.length > 0 && !methods.includes(verb))
    return path.issue(`no request of this route is a ${verb}`, `add ${verb} to match.methods`);
  const pattern = parsePathPattern(pathOf(match));
  const template = path.text();
  if (!pattern.ok || template?.startsWith("/") !== true || canMatch(pattern.value.segments, segmentsOf(template))) return [];
  return path.issue(`no request of this route has such a path`, `its match says ${pattern.value.source}`);
}

/** The segments of a template; `*` and `**` as they are. What cannot be parsed is told with the descriptor set. */
const segmentsOf = (template: string): readonly string[] =>
  template
    .replaceAll(/\{[^{}=]*=([^{}]*)\}/g, "$1")
    .replaceAll(/\{[^{}]*\}/g, "*")
    .slice(1)
    .split("/");

function canMatch(pattern: readonly PathSegment[], template: readonly string[]): boolean {
  for (let at = 0; at < Math.max(pattern.length, template.length); at += 1) {
    const [ours, theirs] = [pattern[at], template[at]];
    if (ours?.kind === "globstar" || theirs?.startsWith("**") === true) return true;
    if (ours === undefined || theirs === undefined) return false;
    if (ours.kind === "literal" && !sameText(ours.text, theirs)) return false;
  }
  return true;
}

/** `*`, with a verb behind it perhaps, takes any segment that ends in it. */
const sameText = (literal: string, segment: string): boolean =>
  segment.startsWith("*") ? literal.endsWith(segment.slice(1)) : comparablePath(segment) === literal;
