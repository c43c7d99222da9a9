import { Manifest, type ReviewRequest, type View } from "@sallyport/contract/gen/sallyport/interceptor/v1/interceptor.ts";
import { decodeStrict, METHODS } from "@sallyport/contract/wire.ts";
import { type BindingUnderTest, bindingsUnderTest, type VerdictLimits } from "./binding-under-test.ts";
import { type Answer, type CallTerms, Connection } from "./connection.ts";
import { fail, quoted, skip } from "./finding.ts";
import { GatewayTokenSigner } from "./gateway-token-signer.ts";
import { encodeDescribe, encodeReview, type ReviewChanges, reviewRequest } from "./review-message.ts";
import { EVERYDAY, type SampleName, sampleExchange } from "./sample-exchange.ts";
import { sampleView } from "./sample-view.ts";
import { checkMaterial } from "./secure-connection.ts";
import { statusName } from "./status-name.ts";
import type { SuiteOptions } from "./suite-options.ts";

/** One review and how it was answered. */
export interface AskedReview {
  readonly binding: BindingUnderTest;
  /** For people: which view was shown. */
  readonly shown: string;
  readonly request: ReviewRequest;
  readonly answer: Answer;
}

/** What to ask of a binding. */
export interface Question {
  readonly binding: BindingUnderTest;
  readonly view: View | undefined;
  readonly shown?: string;
  readonly changes?: ReviewChanges;
  readonly connection?: Connection;
  readonly withinMs?: number;
  readonly signal?: AbortSignal;
}

/** What cases ask the service with. It keeps one connection, and the answers that several cases look at. */
export class Probe implements Disposable {
  readonly options: SuiteOptions;
  readonly signer: GatewayTokenSigner | undefined;
  readonly #connections = new Set<Connection>();
  #main: Connection | undefined;
  #manifest: Promise<Manifest> | undefined;
  #described: Promise<readonly BindingUnderTest[]> | undefined;
  #everyday: Promise<readonly AskedReview[]> | undefined;

  /** Throws on certificates and keys that are none. */
  constructor(options: SuiteOptions) {
    if (options.tls !== undefined) checkMaterial(options.tls);
    this.options = options;
    this.signer = options.token && new GatewayTokenSigner(options.token);
  }

  /** The connection cases share; it must survive them. */
  get main(): Connection {
    return (this.#main ??= this.connect());
  }

  /** Another connection, with other trust or another token where wanted. Closed with the probe at the latest. */
  connect(changes: Partial<SuiteOptions> = {}, tokenOf: () => string | undefined = () => this.signer?.token()): Connection {
    const connection = new Connection({ ...this.options, ...changes }, tokenOf);
    this.#connections.add(connection);
    return connection;
  }

  /** Asks for the manifest; `bindings` are those the operator's file would list. */
  describe(
    bindings: readonly BindingUnderTest[],
    terms: { readonly limits?: VerdictLimits; readonly gatewayId?: string; readonly connection?: Connection } = {},
  ): Promise<Answer> {
    const { connection = this.main, ...others } = terms;
    const message = encodeDescribe(bindings, { reviewMs: this.options.reviewMs, ...others });
    return connection.call(METHODS.describe, message, { withinMs: DESCRIBE_MS });
  }

  /** The manifest. Not applicable where Describe gives none: a case of its own says so. */
  manifest(): Promise<Manifest> {
    return (this.#manifest ??= this.#firstManifest());
  }

  /** The bindings to review, described to the service with their configs. Not applicable where there are none. */
  bindings(): Promise<readonly BindingUnderTest[]> {
    return (this.#described ??= this.#describeBindings());
  }

  /** Tells the service again what the operator wants, after a case told it something else or it was restarted. */
  async describeAgain(): Promise<void> {
    this.#described = undefined;
    await this.bindings();
  }

  /** Sends one review. Never rejects. */
  async review({
    binding,
    view,
    shown = "",
    changes,
    connection = this.main,
    withinMs = this.options.reviewMs,
    signal,
  }: Question): Promise<AskedReview> {
    const request = reviewRequest(binding, view, changes);
    const terms: CallTerms = { withinMs, ...(signal && { signal }) };
    const answer = await connection.call(METHODS.review, encodeReview(request), terms);
    return { binding, shown, request, answer };
  }

  /** Reviews a sample exchange. */
  reviewSample(binding: BindingUnderTest, name: SampleName = "typical", question: Partial<Question> = {}): Promise<AskedReview> {
    return this.review({
      binding,
      view: sampleView(sampleExchange(name, binding), binding),
      shown: `the ${name} view`,
      ...question,
    });
  }

  /** Every binding's reviews of what ordinary traffic may hold; asked once. */
  everyday(): Promise<readonly AskedReview[]> {
    return (this.#everyday ??= this.#askEveryday());
  }

  /** Fails unless the service still answers, on the shared connection and on a fresh one. */
  async stillServes(after: string): Promise<void> {
    using fresh = this.connect();
    // a service may keep the configs of its last Describe only
    const bindings = await (this.#described ?? []);
    for (const connection of [this.main, fresh]) {
      const answer = await this.describe(bindings, { connection });
      const where = connection === fresh ? "a new connection" : "the connection of before";
      if (answer.kind === "status")
        fail(`after ${after}, Describe on ${where} ends with ${statusName(answer.code)}: ${quoted(answer.details)}`);
    }
  }

  /** Closes every connection. */
  close(): void {
    for (const connection of this.#connections) connection.close();
    this.#connections.clear();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  async #firstManifest(): Promise<Manifest> {
    const answer = await this.describe([]);
    if (answer.kind === "status") return skip(`there is no manifest: Describe ends with ${statusName(answer.code)}`);
    const manifest = decodeStrict(Manifest, answer.bytes);
    return manifest.ok ? manifest.value : skip("there is no manifest: the answer of Describe cannot be decoded");
  }

  async #describeBindings(): Promise<readonly BindingUnderTest[]> {
    const bindings = bindingsUnderTest(await this.manifest(), this.options);
    if (bindings.length === 0) skip("the manifest has no binding to review");
    const answer = await this.describe(bindings);
    if (answer.kind === "reply") return bindings;
    return skip(`Describe with the bindings' configs ends with ${statusName(answer.code)}: ${quoted(answer.details)}`);
  }

  async #askEveryday(): Promise<readonly AskedReview[]> {
    const asked: AskedReview[] = [];
    for (const binding of await this.bindings()) {
      for (const name of EVERYDAY) asked.push(await this.reviewSample(binding, name));
    }
    return asked;
  }
}

const DESCRIBE_MS = 5_000;
