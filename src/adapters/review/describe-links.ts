import type { Cancel } from "../../model/cancel.ts";
import type { Manifest } from "../../model/manifest.ts";
import { err, type Result } from "../../model/result.ts";
import type { ReviewFailure } from "../../model/review-failure.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Log } from "../../ports/log.ts";
import { canonicalJson } from "../../support/canonical-json.ts";
import { describe } from "./describe.ts";
import type { InterceptorLink } from "./link.ts";

/** How long the first answer waits for those of the endpoints before it in the file, milliseconds. */
const GRACE_MS = 250;

/** When an endpoint that did not answer is asked again, milliseconds. */
const MISSED_MS = 5_000;

/** What manifests are to the gateway. */
export interface ManifestTerms {
  /** Whether it may be in force at all (`manifest_digest`). */
  readonly accepts: (manifest: Manifest) => boolean;
  /** Equal for manifests that want the same. */
  readonly essence: (manifest: Manifest) => string;
}

/** Any; and two versions that want the same are alike. */
export const ANY_MANIFEST: ManifestTerms = {
  accepts: () => true,
  essence: ({ version: _version, ...manifest }) => canonicalJson(manifest),
};

/** What the describing of an interceptor needs from outside. */
export interface DescribeLinksDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly interceptor: string;
  readonly manifests: ManifestTerms;
  /** An endpoint that is connected did not answer while others did: it should be asked again. */
  readonly onMissed: () => void;
}

type Answer = Result<Manifest, ReviewFailure>;

/**
 * Describes every endpoint of an interceptor: each must be told the operator's config, and all should want the same. The manifest is
 * that of the first endpoint in the file that answers one that may be in force. Whoever answers another is asked for reviews only where no other is left, and
 * shown with a fault: refusing the whole would make every rolling upgrade an outage.
 */
export class DescribeLinks {
  readonly #links: readonly InterceptorLink[];
  readonly #deps: DescribeLinksDeps;
  #round = 0;
  #stopTimer = (): void => {};

  constructor(links: readonly InterceptorLink[], deps: DescribeLinksDeps) {
    this.#links = links;
    this.#deps = deps;
  }

  /** `timeMs` is the whole time it may take. Never rejects. */
  ask(message: Uint8Array, { timeMs, cancel }: { readonly timeMs: number; readonly cancel: Cancel }): Promise<Answer> {
    this.#round += 1;
    const round = this.#round;
    const { clock } = this.#deps;
    const answers: (Answer | undefined)[] = this.#links.map(() => undefined);
    return new Promise((resolve) => {
      let chosen: Manifest | undefined;
      let stopTimer: (() => void) | undefined;
      const settle = (): void => {
        stopTimer?.();
        const answer = answers.find((each) => this.#isAccepted(each)) ?? answers.find((each) => each?.ok === true);
        if (answer?.ok !== true) return resolve(err(failureOf(this.#links, answers)));
        chosen ??= answer.value;
        for (const [index, link] of this.#links.entries()) this.#compare(link, answers[index], { chosen, round });
        resolve(answer);
      };
      for (const [index, link] of this.#links.entries()) {
        link.asking += 1;
        void describe(link.channel, message, { timeMs, cancel, clock }).then((answer) => {
          link.asking -= 1;
          answers[index] = answer;
          if (chosen !== undefined) this.#compare(link, answer, { chosen, round });
          else if (answers.every((each) => each !== undefined) || this.#isFirstKnown(answers)) settle();
          else if (this.#isAccepted(answer)) stopTimer ??= clock.after(GRACE_MS, settle);
        });
      }
    });
  }

  #compare(
    link: InterceptorLink,
    answer: Answer | undefined,
    { chosen, round }: { readonly chosen: Manifest; readonly round: number },
  ): void {
    if (round !== this.#round || answer === undefined) return;
    if (!answer.ok) return this.#missed(link);
    const { manifests, log, interceptor } = this.#deps;
    const isAccepted = this.#isAccepted(answer);
    const isSame = isAccepted && manifests.essence(answer.value) === manifests.essence(chosen);
    const match = isSame ? "same" : isAccepted ? "other" : "refused";
    const isNews = link.manifest !== match;
    link.manifest = match;
    // with one endpoint there is nothing to differ from, and whoever asked says what is wrong with its manifest
    if (this.#links.length === 1) return;
    link.manifestFault = FAULTS[match];
    if (!isSame && isNews) log.write("warn", "manifest_differs", { interceptor, endpoint: link.url });
  }

  #isAccepted(answer: Answer | undefined): boolean {
    return answer?.ok === true && this.#deps.manifests.accepts(answer.value);
  }

  /** The answer is known to be the first that can be: those before it all failed. */
  #isFirstKnown(answers: readonly (Answer | undefined)[]): boolean {
    for (const answer of answers) {
      if (answer === undefined) return false;
      if (this.#isAccepted(answer)) return true;
    }
    return false;
  }

  /** Connected, and nobody would ask it again: those that are connected to again are asked then. */
  #missed({ channel }: InterceptorLink): void {
    if (!channel.connected) return;
    const { clock, onMissed } = this.#deps;
    this.#stopTimer();
    this.#stopTimer = clock.after(MISSED_MS, onMissed);
  }

  close(): void {
    this.#stopTimer();
  }
}

const FAULTS = {
  same: undefined,
  other: "its manifest differs from that of an endpoint before it in the file",
  refused: "its manifest is not the one of manifest_digest",
} as const;

function failureOf(links: readonly InterceptorLink[], answers: readonly (Answer | undefined)[]): ReviewFailure {
  const failures = answers.flatMap((answer, index) =>
    answer === undefined || answer.ok ? [] : [{ url: links[index]?.url, failure: answer.error }],
  );
  const [first] = failures;
  if (first === undefined) return { kind: "unavailable", message: "no endpoint answered" };
  if (failures.length === 1) return first.failure;
  return { ...first.failure, message: failures.map(({ url, failure }) => `${url}: ${failure.message}`).join("; ") };
}
