import { HeaderLines } from "../../model/header-lines.ts";
import type { RequestHead, Response } from "../../model/exchange.ts";
import type { CorsPlan } from "../../model/route-plan.ts";
import { preflightMethod } from "../../model/preflight.ts";
import type { Refusal } from "../../model/problem.ts";
import type { RouteCors } from "../../ports/runnable-plan.ts";
import { allowedOrigins, type AllowedOrigins } from "./allowed-origins.ts";

/**
 * The CORS protocol of one route (C27; Fetch standard, "HTTP CORS protocol"). It is the only voice: whatever an upstream or a responder says
 * in `access-control-*` is dropped. A page whose origin is not listed gets none of these headers, so that its browser shows it nothing; its
 * preflight is 403 and its WebSocket is not opened, since for a WebSocket no browser would refuse. A plain request of it goes its way:
 * keeping callers out is for authenticators, not for a header that everybody but a browser may make up.
 */
export function cors(plan: CorsPlan): RouteCors {
  const isAllowed = allowedOrigins(plan.origins);
  const lines = linesOf(plan);
  return {
    answer(head, protocol) {
      const origin = head.headers.joined("origin");
      if (origin === undefined) return undefined;
      if (protocol === "websocket")
        return isAllowed(origin) || isOwnPage(origin, head) ? undefined : { kind: "refuse", refusal: NOT_YOURS };
      if (preflightMethod(head) === undefined) return undefined;
      // what a browser is told in it is said where every answer is dressed
      return isAllowed(origin) ? { kind: "respond", response: NOTHING_MORE } : { kind: "refuse", refusal: NOT_YOURS };
    },
    dress: (response, head) => dressed(response, head, { plan, lines, isAllowed }),
  };
}

const NOT_YOURS: Refusal = { problem: "forbidden", detail: "Pages of this origin may not use this route." };

const NOTHING_MORE: Response = { status: 204, headers: HeaderLines.EMPTY, body: undefined };

/** Whether the page was served under the name it now asks: browsers apply CORS to none of its requests. */
const isOwnPage = (origin: string, { host, scheme }: RequestHead): boolean =>
  origin === `https://${host}` || (scheme === "http" && origin === `http://${host}`);

/** What follows from the plan alone: names and values, alternating. */
interface Lines {
  readonly forAll: readonly string[];
  readonly ofPreflight: readonly string[];
  readonly ofResponse: readonly string[];
  readonly exposed: string;
}

function linesOf({ credentials, methods, headers, maxAgeMs, expose }: CorsPlan): Lines {
  const exposed = expose.join(", ");
  return {
    forAll: credentials ? ["access-control-allow-credentials", "true"] : [],
    ofPreflight: [
      ...(methods === undefined ? [] : ["access-control-allow-methods", methods.join(", ")]),
      ...(headers === undefined || headers.length === 0 ? [] : ["access-control-allow-headers", headers.join(", ")]),
      ...["access-control-max-age", String(Math.floor(maxAgeMs / 1000))],
    ],
    ofResponse: exposed === "" ? [] : ["access-control-expose-headers", exposed],
    exposed,
  };
}

interface Terms {
  readonly plan: CorsPlan;
  readonly lines: Lines;
  readonly isAllowed: AllowedOrigins;
}

function dressed(response: Response, head: RequestHead, { plan, lines, isAllowed }: Terms): Response {
  const origin = head.headers.joined("origin");
  const isForAny = plan.origins.includes("*");
  const asked = preflightMethod(head);
  const added = variance(response, { isForAny, isPreflight: asked !== undefined });
  // where any page may, caches may keep one answer for all, those that came without an origin included
  if (isForAny || (origin !== undefined && isAllowed(origin))) {
    added.push("access-control-allow-origin", isForAny ? "*" : (origin ?? ""), ...lines.forAll);
    if (asked === undefined) added.push(...exposedBy(response, lines));
    else added.push(...lines.ofPreflight, ...granted(asked, head, plan));
  }
  return { ...response, headers: response.headers.derive(isNotOfCors, added) };
}

const isNotOfCors = (name: string): boolean => !name.startsWith("access-control-");

/** A cache must not give one page what another was told. */
function variance({ headers }: Response, { isForAny, isPreflight }: { isForAny: boolean; isPreflight: boolean }): string[] {
  const wanted = [...(isForAny ? [] : ["origin"]), ...(isPreflight ? ASKED_IN_PREFLIGHTS : [])];
  const said = headers.lines("vary").flatMap((line) =>
    line
      .toLowerCase()
      .split(",")
      .map((name) => name.trim()),
  );
  const missing = said.includes("*") ? [] : wanted.filter((name) => !said.includes(name));
  return missing.length === 0 ? [] : ["vary", missing.join(", ")];
}

const ASKED_IN_PREFLIGHTS = [
  "access-control-request-method",
  "access-control-request-headers",
  "access-control-request-private-network",
] as const;

/** Clients of gRPC-Web read how a call ended here, where there is no body to read it in. */
function exposedBy({ headers }: Response, { exposed, ofResponse }: Lines): readonly string[] {
  if (exposed === "*" || !headers.has("grpc-status")) return ofResponse;
  return ["access-control-expose-headers", [...(exposed === "" ? [] : [exposed]), ...GRPC_ENDING].join(", ")];
}

const GRPC_ENDING = ["grpc-status", "grpc-message", "grpc-status-details-bin"] as const;

/** What a preflight is granted because it asks for it. */
function granted(method: string, { headers }: RequestHead, plan: CorsPlan): readonly string[] {
  const names = plan.headers === undefined ? askedNames(headers) : [];
  const isPrivate = plan.privateNetwork && headers.first("access-control-request-private-network") === "true";
  return [
    ...(plan.methods === undefined && METHOD.test(method) ? ["access-control-allow-methods", method] : []),
    ...(names.length === 0 ? [] : ["access-control-allow-headers", names.join(", ")]),
    ...(isPrivate ? ["access-control-allow-private-network", "true"] : []),
  ];
}

/** Whatever is no name is not repeated. How many there are the listener has bounded. */
const askedNames = (headers: HeaderLines): readonly string[] =>
  headers.lines("access-control-request-headers").flatMap((line) =>
    line
      .split(",")
      .map((name) => name.trim().toLowerCase())
      .filter((name) => NAME.test(name)),
  );

const NAME = /^[a-z0-9!#$%&'*+.^_`|~-]{1,256}$/;

// what ingress takes: another one would be granted here and refused there
const METHOD = /^[A-Z][A-Z-]{0,31}$/;
