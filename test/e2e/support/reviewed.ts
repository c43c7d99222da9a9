import { startGateway, type TestGateway } from "../../support/start-gateway.ts";
import { gatewayFiles } from "../../support/start-interceptor.ts";
import { ask, exchangeLine, type Answered, type Asking } from "./ask.ts";
import { configuration, interceptorAt, openRoute, type Sections } from "./configuration.ts";
import { recordingUpstream, response, type RecordingUpstream, type Responding } from "./recording-upstream.ts";
import { scripted, type Declares, type Scripted } from "./scripted.ts";

/** One binding and its entry in the operator's file. */
export interface Row {
  readonly declares: Declares;
  /** Further keys of the operator's entry. */
  readonly operator?: Readonly<Record<string, unknown>>;
  /** Further keys of the route; only `reviewed` looks at them. */
  readonly route?: Readonly<Record<string, unknown>>;
}

/** What is set up around the rows. */
export interface Around {
  readonly respond?: Responding;
  /** Further keys of the interceptor. */
  readonly interceptor?: Readonly<Record<string, unknown>>;
  /** Further sections; `upstreams` besides `main`, which records. */
  readonly sections?: Partial<Sections>;
  readonly files?: Readonly<Record<string, string>>;
}

/** One request and what became of it. */
export interface Passed {
  readonly answer: Answered;
  readonly seen: readonly string[];
  readonly line: Awaited<ReturnType<typeof exchangeLine>>;
}

/** A scripted service, an upstream that records, and a gateway between them. */
export interface House extends AsyncDisposable {
  readonly upstream: RecordingUpstream;
  readonly service: Scripted;
  readonly gateway: TestGateway;
  /** Sends through the gateway; tells what came back, what the upstream saw, and the access log line. */
  send(asking: Asking): Promise<Passed>;
}

/** A house whose bindings each review a route of their own, `/<id>/**`, and no other; and the same gateway without bindings. */
export interface Reviewed extends House {
  /** Sends the same bytes through a gateway with the same routes and upstream that nobody reviews. */
  sendBare(asking: Asking): Promise<Passed>;
}

const small = (): string => response('{"ok":true}', { headers: ["Content-Type: application/json"] });

/** Starts a house with these bindings and the routes of `around`. */
export async function house(rows: readonly Row[], around: Around): Promise<House> {
  const parts = new AsyncDisposableStack();
  const upstream = parts.use(await recordingUpstream(around.respond ?? small));
  const service = parts.use(await scripted(rows.map(({ declares }) => declares)));
  const bindings = rows.map(({ declares: { id, phase, mode }, operator }) => ({ id, phase, mode, ...operator }));
  const interceptors = [
    interceptorAt(service.port, { ...around.interceptor, bindings }),
    ...(around.sections?.interceptors ?? []),
  ];
  const files = { ...(await gatewayFiles()), ...around.files };
  const gateway = parts.use(
    await startGateway({ files, config: configuration({ ...sectionsOf(upstream, around), interceptors }) }),
  );
  return {
    upstream,
    service,
    gateway,
    send: (asking) => sendThrough({ gateway, upstream }, asking),
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
}

/** Starts a house with a route for each row, and the gateway without reviews beside it. */
export async function reviewed(rows: readonly Row[], around: Around = {}): Promise<Reviewed> {
  const routes = [...rows.map(({ declares, route }) => openRoute(declares.id, route)), ...(around.sections?.routes ?? [])];
  const withRoutes = { ...around, sections: { ...around.sections, routes } };
  const parts = new AsyncDisposableStack();
  const built = parts.use(
    await house(
      rows.map(({ declares, operator }) => ({ declares, operator: { match: { routes: [declares.id] }, ...operator } })),
      withRoutes,
    ),
  );
  const { upstream } = built;
  const bare = parts.use(
    await startGateway({ files: around.files ?? {}, config: configuration(sectionsOf(upstream, withRoutes)) }),
  );
  return {
    ...built,
    sendBare: (asking) => sendThrough({ gateway: bare, upstream }, asking),
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
}

const sectionsOf = (upstream: RecordingUpstream, { sections }: Around): Sections => ({
  ...sections,
  routes: sections?.routes ?? [],
  upstreams: { main: { endpoints: [upstream.url] }, ...sections?.upstreams },
});

async function sendThrough({ gateway, upstream }: Pick<House, "gateway" | "upstream">, asking: Asking): Promise<Passed> {
  const reached = upstream.requests.length;
  const answer = await ask(gateway, asking);
  return { answer, seen: upstream.requests.slice(reached), line: await exchangeLine(gateway, answer) };
}
