import type { Readiness, ReadinessCheck } from "../ports/admin-facts.ts";

/** A latch (C32): ready once every fail-closed interceptor was described; a later outage degrades checks, never readiness. Draining ends it. */
export class ReadyLatch implements Readiness {
  readonly #checks: () => readonly ReadinessCheck[];
  #wasReady = false;
  #draining = false;

  /** `checks` tells the present state; asked at each look. */
  constructor(checks: () => readonly ReadinessCheck[]) {
    this.#checks = checks;
  }

  get ready(): boolean {
    if (this.#draining) return false;
    this.#wasReady ||= this.#checks().every(({ ok, critical }) => ok || !critical);
    return this.#wasReady;
  }

  checks(): readonly ReadinessCheck[] {
    const drain = { name: "drain", ok: !this.#draining, critical: true, reason: this.#draining ? "draining" : "" };
    return [...this.#checks(), drain];
  }

  /** From now on not ready: load balancers look elsewhere. */
  drain(): void {
    this.#draining = true;
  }
}
