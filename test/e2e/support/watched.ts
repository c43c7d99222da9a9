import { Event, type Manifest, type ReviewRequest } from "@sallyport/contract/gen/sallyport/interceptor/v1/interceptor.ts";
import { testCertificates } from "../../support/certificates.ts";
import { startGateway, type TestGateway } from "../../support/start-gateway.ts";
import { gatewayFiles } from "../../support/start-interceptor.ts";
import { allowing, describing, testInterceptor, type TestInterceptor } from "../../support/test-interceptor.ts";
import { configuration, interceptorAt, openRoute, type Sections } from "./configuration.ts";
import { recordingUpstream, response } from "./recording-upstream.ts";
import { manifestOf, type Answers, type Declares } from "./scripted.ts";

/** A service that offers `Watch`, over mTLS, and a gateway in front of an upstream that asks it. */
export interface Watched extends AsyncDisposable {
  readonly service: TestInterceptor;
  readonly gateway: TestGateway;
  /** Reviews it was asked, decoded, in order of arrival. */
  readonly reviews: readonly ReviewRequest[];
  /** Answers reviews from now on. */
  answers: Answers;
  /** Declared from now on, once somebody asks. */
  manifest: Manifest;
  revoke(...tags: string[]): void;
  changeManifest(): void;
  /** Resolves when as many streams of `Watch` are open at the service, and the gateway was told so. */
  watching(count: number): Promise<void>;
}

/** What is set up. */
export interface WatchedOptions {
  readonly declares: readonly Declares[];
  readonly manifest?: Partial<Manifest>;
  readonly answers?: Answers;
  /** Further keys of the interceptor, and the whole of its bindings. */
  readonly interceptor?: Readonly<Record<string, unknown>>;
  readonly sections?: Partial<Sections>;
  readonly files?: Readonly<Record<string, string>>;
  readonly watch?: TestInterceptor["watch"];
}

/** Starts all three; the gateway's one route is `/all/**` unless `sections` says otherwise. */
export async function watched(options: WatchedOptions): Promise<Watched> {
  const parts = new AsyncDisposableStack();
  const { ca, server } = await testCertificates();
  const reviews: ReviewRequest[] = [];
  const state = {
    answers: options.answers ?? (({ reviewId }: ReviewRequest) => allowing(reviewId)),
    manifest: { ...manifestOf(options.declares), ...options.manifest },
  };
  const service = parts.use(
    await testInterceptor(
      (call) =>
        describing(state.manifest, (request, of) => {
          reviews.push(request);
          return state.answers(request, of);
        })(call),
      { tls: { ca, ...(await server()) } },
    ),
  );
  service.watch = options.watch ?? "offered";
  const upstream = parts.use(await recordingUpstream(() => response("{}", { headers: ["Content-Type: application/json"] })));
  const gateway = parts.use(
    await startGateway({
      files: { ...(await gatewayFiles()), ...options.files },
      config: watchedConfiguration(service.port, upstream.url, options),
    }),
  );
  return {
    service,
    gateway,
    reviews,
    get answers() {
      return state.answers;
    },
    set answers(next: Answers) {
      state.answers = next;
    },
    get manifest() {
      return state.manifest;
    },
    set manifest(next: Manifest) {
      state.manifest = next;
    },
    revoke: (...tags) => service.emit(Event.encode({ kind: { $case: "revoke", value: { tags } } }).finish()),
    changeManifest: () => service.emit(Event.encode({ kind: { $case: "manifestChanged", value: {} } }).finish()),
    async watching(count) {
      while (service.watching !== count) await new Promise((resolve) => setTimeout(resolve, 5));
    },
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
}

const watchedConfiguration = (port: number, upstreamUrl: string, { declares, interceptor, sections }: WatchedOptions): string =>
  configuration({
    routes: [openRoute("all")],
    upstreams: { main: { endpoints: [upstreamUrl] } },
    interceptors: [
      interceptorAt(port, { bindings: declares.map(({ id, phase, mode }) => ({ id, phase, mode })), ...interceptor }),
    ],
    ...sections,
  });
