import { parseJson, stringifyJson } from "@sallyport/contract/json.ts";
import type { Phase } from "@sallyport/contract/phase.ts";
import { QueryText } from "@sallyport/contract/query-text.ts";
import type { PointerSet } from "@sallyport/contract/view-field.ts";
import { parsePointer } from "@sallyport/contract/json-pointer.ts";
import type { HeaderLines } from "../../model/header-lines.ts";
import type { Principal } from "../../model/principal.ts";
import type { BodyView, OutcomeView, ReviewSubject } from "../../ports/review-client.ts";
import { cutJson } from "../../support/cut-json.ts";
import type { MessageWriter } from "./message-writer.ts";

/** What decides which parts of a view are sent. */
export interface ViewTerms {
  readonly phase: Phase;
  readonly needs: PointerSet;
  /** Lifts hiding for the fields it names (C23). */
  readonly expose: PointerSet;
  /** Lower-case header names, exact query names. */
  readonly hidden: { readonly headers: ReadonlySet<string>; readonly query: ReadonlySet<string> };
}

/** Writes one part of a subject into the View message. */
export type Write = (writer: MessageWriter, subject: ReviewSubject) => void;

/** The writers of a binding's view: nothing that is not needed, nothing that is hidden, nothing the phase does not have. */
export function viewWriters(terms: ViewTerms): readonly Write[] {
  const { needs, phase } = terms;
  const touched = (root: string): boolean => needs.touchesTokens([root]);
  return [
    ...(touched("request") ? [inside(VIEW.request, requestWriters(terms))] : []),
    ...(touched("principal") && phase !== "pre-auth" ? [inside(VIEW.principal, principalWriters(needs))] : []),
    ...(touched("tenant") && phase !== "pre-auth" ? [inside(VIEW.tenant, tenantWriters(needs))] : []),
    ...(touched("route") ? [inside(VIEW.route, routeWriters(needs))] : []),
    ...(touched("client") ? [inside(VIEW.client, clientWriters(needs))] : []),
    ...labelWriters(needs, VIEW.labels, ["labels"], ({ exchange }) => exchange.labels),
    ...(touched("response") && phase === "post-response" ? [ifResponded(inside(VIEW.response, responseWriters(terms)))] : []),
    ...(touched("outcome") ? [ifOver(inside(VIEW.outcome, outcomeWriters(needs)))] : []),
  ];
}

const VIEW = { request: 1, principal: 2, tenant: 3, route: 4, client: 5, labels: 6, response: 7, outcome: 8 } as const;
const REQUEST = { id: 1, protocol: 2, method: 3, scheme: 4, host: 5, path: 6, query: 7, headers: 8, body: 9 } as const;
const RESPONSE = { status: 1, headers: 2, body: 3 } as const;
const PRINCIPAL = { id: 1, anonymous: 2, type: 3, tenants: 4, scopes: 5, roles: 6, claimsJson: 7 } as const;
const OUTCOME = { status: 1, decided_by: 2, failure: 3, duration_ms: 4, bytes: 5, open: 6, bodies_omitted: 7 } as const;
const BODY = { json: 1, text: 2, bytes: 3 } as const;

function inside(field: number, writers: readonly Write[]): Write {
  return (writer, subject) => {
    const mark = writer.open(field);
    for (const write of writers) write(writer, subject);
    writer.close(mark);
  };
}

const ifResponded =
  (write: Write): Write =>
  (writer, subject) => {
    if (subject.exchange.response !== undefined) write(writer, subject);
  };

const ifOver =
  (write: Write): Write =>
  (writer, subject) => {
    if (subject.outcome !== undefined) write(writer, subject);
  };

function requestWriters(terms: ViewTerms): readonly Write[] {
  const { needs } = terms;
  const members = Object.entries(REQUEST_MEMBERS)
    .filter(([member]) => needs.covers(["request", member]))
    .map(([, write]) => write);
  return [
    ...members,
    ...queryWriters(terms),
    ...headerWriters("request", REQUEST.headers, terms),
    ...(needs.covers(["request", "body"]) ? [bodyWriter(REQUEST.body, (subject) => subject.requestBody)] : []),
  ];
}

const REQUEST_MEMBERS: Readonly<Record<string, Write>> = {
  id: (writer, { exchange }) => writer.string(REQUEST.id, exchange.ids.requestId),
  protocol: (writer, { exchange }) => writer.string(REQUEST.protocol, exchange.protocol),
  method: (writer, { exchange }) => writer.string(REQUEST.method, exchange.head.method),
  scheme: (writer, { exchange }) => writer.string(REQUEST.scheme, exchange.head.scheme),
  host: (writer, { exchange }) => writer.string(REQUEST.host, exchange.head.host),
  path: (writer, { exchange }) => writer.string(REQUEST.path, exchange.head.path),
};

function responseWriters(terms: ViewTerms): readonly Write[] {
  const { needs } = terms;
  const status: Write = (writer, { exchange }) => writer.number(RESPONSE.status, exchange.response?.status ?? 0);
  return [
    ...(needs.covers(["response", "status"]) ? [status] : []),
    ...headerWriters("response", RESPONSE.headers, terms),
    ...(needs.covers(["response", "body"]) ? [bodyWriter(RESPONSE.body, (subject) => subject.responseBody)] : []),
  ];
}

function queryWriters({ needs, expose, hidden }: ViewTerms): readonly Write[] {
  const at = ["request", "query"];
  const isShown = (name: string): boolean => !hidden.query.has(name) || expose.covers([...at, name]);
  if (needs.covers(at)) {
    return [
      (writer, { exchange }) => {
        for (const [name, values] of new QueryText(exchange.head.query ?? "").all())
          if (isShown(name)) writeParameter(writer, name, values);
      },
    ];
  }
  const names = namesBelow(needs, at).filter(isShown);
  if (names.length === 0) return [];
  return [
    (writer, { exchange }) => {
      if (exchange.head.query === undefined) return;
      const query = new QueryText(exchange.head.query);
      for (const name of names) if (query.has(name)) writeParameter(writer, name, query.values(name));
    },
  ];
}

function writeParameter(writer: MessageWriter, name: string, values: readonly string[]): void {
  const mark = writer.open(REQUEST.query);
  writer.string(1, name);
  for (const value of values) writer.string(2, value);
  writer.close(mark);
}

function headerWriters(side: "request" | "response", field: number, { needs, expose, hidden }: ViewTerms): readonly Write[] {
  const at = [side, "headers"];
  const isHidden = (name: string): boolean => hidden.headers.has(name) || (side === "response" && name === "set-cookie");
  const isShown = (name: string): boolean => !isHidden(name) || expose.covers([...at, name]);
  const linesOf = ({ exchange }: ReviewSubject): HeaderLines | undefined =>
    side === "request" ? exchange.head.headers : exchange.response?.headers;
  if (needs.covers(at)) {
    return [
      (writer, subject) => {
        const headers = linesOf(subject);
        if (headers !== undefined) {
          writeHeaders(headers, (name, value) => {
            if (isShown(name)) writePair(writer, field, name, value);
          });
        }
      },
    ];
  }
  return namesBelow(needs, at)
    .filter(isShown)
    .map((name) => (writer, subject) => {
      const value = linesOf(subject)?.joined(name);
      if (value !== undefined) writePair(writer, field, name, value);
    });
}

/** Every name with its lines joined, in order of first appearance. */
function writeHeaders(headers: HeaderLines, write: (name: string, value: string) => void): void {
  // the usual case: no name twice, nothing to be joined
  if (!headers.hasRepeats) return headers.each(write);
  for (const name of headers.names()) write(name, headers.joined(name) ?? "");
}

function labelWriters(
  needs: PointerSet,
  field: number,
  at: readonly string[],
  labelsOf: (subject: ReviewSubject) => ReadonlyMap<string, string>,
): readonly Write[] {
  if (needs.covers(at)) {
    return [
      (writer, subject) => {
        for (const [name, value] of labelsOf(subject)) writePair(writer, field, name, value);
      },
    ];
  }
  return namesBelow(needs, at).map((name) => (writer, subject) => {
    const value = labelsOf(subject).get(name);
    if (value !== undefined) writePair(writer, field, name, value);
  });
}

/** Header and Label are the same on the wire. */
function writePair(writer: MessageWriter, field: number, name: string, value: string): void {
  const mark = writer.open(field);
  writer.string(1, name);
  writer.string(2, value);
  writer.close(mark);
}

function bodyWriter(field: number, bodyOf: (subject: ReviewSubject) => BodyView | undefined): Write {
  return (writer, subject) => {
    const body = bodyOf(subject);
    if (body === undefined) return;
    const mark = writer.open(field, body.format === "bytes" ? body.bytes.byteLength : body.text.length);
    if (body.format === "bytes") writer.bytes(BODY.bytes, body.bytes);
    else writer.string(BODY[body.format], body.text);
    writer.close(mark);
  };
}

function principalWriters(needs: PointerSet): readonly Write[] {
  return [
    ...Object.entries(PRINCIPAL_MEMBERS)
      .filter(([member]) => needs.covers(["principal", member]))
      .map(
        ([, write]): Write =>
          (writer, { exchange }) =>
            write(writer, exchange.principal),
      ),
    ...claimWriters(needs),
  ];
}

const PRINCIPAL_MEMBERS: Readonly<Record<string, (writer: MessageWriter, principal: Principal) => void>> = {
  id: (writer, { id }) => writer.string(PRINCIPAL.id, id),
  anonymous: (writer, { anonymous }) => writer.number(PRINCIPAL.anonymous, Number(anonymous)),
  type: (writer, { type }) => writer.string(PRINCIPAL.type, type),
  tenants: (writer, { tenants }) => tenants.forEach((tenant) => writer.string(PRINCIPAL.tenants, tenant)),
  scopes: (writer, { scopes }) => scopes.forEach((scope) => writer.string(PRINCIPAL.scopes, scope)),
  roles: (writer, { roles }) => roles.forEach((role) => writer.string(PRINCIPAL.roles, role)),
};

function claimWriters(needs: PointerSet): readonly Write[] {
  const at = ["principal", "claims"];
  if (!needs.touchesTokens(at)) return [];
  const whole = needs.covers(at);
  return [
    (writer, { exchange }) => {
      const { claimsJson } = exchange.principal;
      const shown = whole ? claimsJson : cutClaims(claimsJson, needs, at);
      if (shown !== "") writer.string(PRINCIPAL.claimsJson, shown);
    },
  ];
}

function cutClaims(claimsJson: string, needs: PointerSet, at: readonly string[]): string {
  const claims = claimsJson === "" ? undefined : parseJson(claimsJson);
  const cut = claims?.ok === true ? cutJson(claims.value, needs, at) : undefined;
  return cut === undefined ? "" : stringifyJson(cut);
}

const tenantWriters = (needs: PointerSet): readonly Write[] =>
  needs.covers(["tenant", "id"]) ? [(writer, { exchange }) => writer.string(1, exchange.tenant)] : [];

function routeWriters(needs: PointerSet): readonly Write[] {
  const name: Write = (writer, { route }) => writer.string(1, route.name);
  return [
    ...(needs.covers(["route", "name"]) ? [name] : []),
    ...labelWriters(needs, 2, ["route", "labels"], ({ route }) => new Map(Object.entries(route.labels))),
  ];
}

function clientWriters(needs: PointerSet): readonly Write[] {
  const address: Write = (writer, { exchange }) => writer.string(1, exchange.client.address);
  const tlsSubject: Write = (writer, { exchange }) => writer.string(2, exchange.client.tlsSubject);
  return [
    ...(needs.covers(["client", "address"]) ? [address] : []),
    ...(needs.covers(["client", "tls_subject"]) ? [tlsSubject] : []),
  ];
}

function outcomeWriters(needs: PointerSet): readonly Write[] {
  return Object.entries(OUTCOME_MEMBERS)
    .filter(([member]) => needs.covers(["outcome", member]))
    .map(([, write]): Write => (writer, { outcome }) => {
      if (outcome !== undefined) write(writer, outcome);
    });
}

const OUTCOME_MEMBERS: Readonly<Record<keyof typeof OUTCOME, (writer: MessageWriter, outcome: OutcomeView) => void>> = {
  status: (writer, { status }) => writer.number(OUTCOME.status, status),
  decided_by: (writer, { decidedBy }) => writer.string(OUTCOME.decided_by, decidedBy),
  failure: (writer, { failure }) => writer.string(OUTCOME.failure, failure),
  duration_ms: (writer, { durationMs }) => writer.number(OUTCOME.duration_ms, Math.round(durationMs)),
  bytes: (writer, { bytes }) => writer.number(OUTCOME.bytes, bytes),
  open: (writer, { open }) => writer.number(OUTCOME.open, Number(open)),
  bodies_omitted: (writer, { bodiesOmitted }) => writer.number(OUTCOME.bodies_omitted, Number(bodiesOmitted ?? false)),
};

/** The names that pointers below a place name, such as the headers of a list of them. */
function namesBelow(pointers: PointerSet, at: readonly string[]): readonly string[] {
  const names = pointers.pointers.flatMap((pointer) => {
    const tokens = parsePointer(pointer);
    if (!tokens.ok || tokens.value.length !== at.length + 1 || !at.every((token, index) => token === tokens.value[index]))
      return [];
    return tokens.value.slice(at.length);
  });
  return [...new Set(names)];
}
