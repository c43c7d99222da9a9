/** A test that holds a rule: a file, and the name of a test or a group in it, as written there. */
export type Holder = readonly [file: string, name: string];

/**
 * Which tests hold each rule of RFC.md §12. `planned`: 0.1 does not do it, as the status of the rule says. The names must exist:
 * test/rules.test.ts looks them up. Not every test of a rule is here, but those without which it would be nobody's.
 */
export const RULES: Readonly<Record<`C${number}`, "planned" | readonly Holder[]>> = {
  C1: [
    ["test/unit/plan/route-table.test.ts", "are all told of every route that only the method keeps from matching (C1)"],
    ["test/unit/plan/route-table.test.ts", "agrees with a naive matcher over random routes and requests"],
    ["test/unit/pipeline/reroute.test.ts", "a patch that moves the request, without the power to reroute (C1)"],
    ["test/e2e/reroute.test.ts", "that would move the request %s is invalid, and nothing is forwarded (C1)"],
    ["test/e2e/reroute.test.ts", "cannot rescue a request that no route matches: nobody is asked (C1)"],
  ],
  C2: [
    ["test/unit/pipeline/reroute.test.ts", "a granted move (C2)"],
    ["test/e2e/reroute.test.ts", "runs the new route's authenticators on the client's own credential: none is 401 (C2)"],
    ["test/e2e/reroute.test.ts", "is invalid where a verdict of the catch-up round moves the request again (C2)"],
  ],
  C3: [
    ["test/unit/pipeline/reroute.test.ts", "refuses whom the new route's authenticators do not know, and reaches no upstream"],
    ["test/e2e/reroute.test.ts", "a bad credential is 401, although the route the client named is open (C2)"],
  ],
  C4: [
    ["test/unit/pipeline/validators.test.ts", "validators of one phase (C4)"],
    ["test/e2e/validators.test.ts", "run concurrently: each answers only after all were called (C4)"],
    [
      "test/e2e/validators.test.ts",
      "behind one that denies are cancelled at once, their signals abort, and those before it are awaited (C4)",
    ],
    ["test/e2e/validators.test.ts", "are decided by a deny before any failure, wherever the failure stands (C4)"],
  ],
  C5: [
    [
      "test/unit/pipeline/fallback.test.ts",
      "asks no binding again, and shows post-response only the response that was chosen (C5)",
    ],
    ["test/unit/pipeline/response-fallback.test.ts", "is asked after a 5xx for what may be done twice only"],
    ["test/unit/adapters/upstream/balance/retries.test.ts", "the retry budget"],
    ["test/contract/upstream/requests.ts", "is never sent twice: a connection that breaks behind the request fails the exchange"],
  ],
  C6: [
    ["test/unit/pipeline/handle.test.ts", "gives each review an id the client cannot choose (C6)"],
    ["test/unit/adapters/review/status-to-failure.test.ts", "what may be sent again (C6)"],
    ["test/contract/review-client/time.ts", "sends at most twice (C6)"],
    [
      "test/e2e/endpoints.test.ts",
      "loses no request when one of them is killed under load, and uses it again when it is back (C6)",
    ],
    ["test/contract/review-client/time.ts", "sends again after a lost connection only where the binding is idempotent (C6)"],
  ],
  C7: [
    ["test/unit/pipeline/client-gone.test.ts", "a client that leaves (C7)"],
    ["test/e2e/validators.test.ts", "are all cancelled when the client leaves, and that is 499, no verdict and no failure (C7)"],
  ],
  C8: [
    ["test/unit/contract/verdict.test.ts", "decodeVerdict, deny (C8, C9)"],
    ["test/e2e/denials.test.ts", "stays a deny with $what (C8, C9)"],
    ["test/e2e/denials.test.ts", "is nothing when it answers another review: that is invalid, not a deny (C8)"],
  ],
  C9: [
    ["test/unit/contract/verdict.test.ts", "decodeVerdict, deny (C8, C9)"],
    ["test/unit/review/denial.test.ts", "denialAnswer (C9)"],
    ["test/e2e/denials.test.ts", "is these headers, and never framing, cookies, CORS, a location or one of its own making (C9)"],
  ],
  C10: [
    ["test/unit/review/apply-verdict.test.ts", "what no grant makes writable (C10)"],
    ["test/unit/review/apply-verdict.test.ts", "writes, as granted (C10)"],
    ["test/unit/review/apply-verdict.test.ts", "from and test (C10)"],
    ["test/unit/plan/compile-checks.test.ts", "writers and owners (C10, C11)"],
    ["test/e2e/patches.test.ts", "is invalid, and the upstream is not reached, where it %s (C10)"],
  ],
  C11: [
    ["test/unit/review/grant.test.ts", "narrows writes, and ownership with them (C11)"],
    ["test/unit/plan/compile.test.ts", "a description of the body to own (C11)"],
    ["test/unit/plan/compile-checks.test.ts", "refuse a route that is matched on an owned header: the client would choose it"],
    ["test/unit/pipeline/reroute.test.ts", "owned headers at ingress (C11)"],
  ],
  C12: [
    ["test/unit/contract/verdict.test.ts", "decodeVerdict, respond (C12)"],
    ["test/unit/review/denial.test.ts", "respondAnswer (C12)"],
    ["test/unit/pipeline/respond.test.ts", "a respond verdict (C12)"],
  ],
  C13: "planned",
  C14: "planned",
  C15: [
    ["test/unit/review/failure-answer.test.ts", "answers $kind at $phase as the table says (C15, C17)"],
    ["test/unit/adapters/review/status-to-failure.test.ts", "statusToFailure (C15)"],
    ["test/unit/pipeline/failure-matrix.test.ts", "a review failure under fail-closed (C15, C17)"],
    ["test/e2e/failures.test.ts", "$called: a $mode binding that $does is answered as C15 says, and the upstream is not reached"],
    ["test/e2e/trust.test.ts", "gets no application byte where it %s; reviews are unavailable (C15)"],
    [
      "test/unit/adapters/review/failing-endpoint.test.ts",
      "is asked no more where it %s, until one review that tries is answered (C15)",
    ],
  ],
  C16: [
    ["test/unit/model/grpc.test.ts", "a problem told in gRPC (C16)"],
    ["test/unit/model/connect.test.ts", "is what a refusal becomes, with the headers of any problem (C16)"],
    ["test/e2e/grpc-reviews.test.ts", "is denied with %s, in its words, and does not reach the service (C16)"],
  ],
  C17: [
    ["test/unit/review/failure-answer.test.ts", "answers $kind at $phase as the table says (C15, C17)"],
    ["test/unit/pipeline/failure-matrix.test.ts", "a review failure under fail-closed (C15, C17)"],
    [
      "test/e2e/failures.test.ts",
      "$called: a $mode binding that $does is answered 502 for good, and nothing of the upstream's response leaks (C17)",
    ],
  ],
  C18: [
    ["test/unit/review/failure-answer.test.ts", "blames the client for a request body that is %s (C18)"],
    [
      "test/unit/review/failure-answer.test.ts",
      "answers 502 for a response that is %s, says nothing of it, and invites no repeat (C18)",
    ],
    ["test/unit/pipeline/bodies.test.ts", "a request body that cannot be shown (C18)"],
    ["test/e2e/bodies.test.ts", "that cannot be shown is 502 for good, under fail-open too, and leaks nothing: %s (C18)"],
  ],
  C19: [
    ["test/unit/pipeline/failure-matrix.test.ts", "a review failure under fail-open (C19)"],
    ["test/e2e/failures.test.ts", "$called: a $mode binding that $does changes not a byte, in either direction (C19)"],
  ],
  C20: [
    ["test/unit/review/budget.test.ts", "positions (C20)"],
    ["test/unit/review/budget.test.ts", "scale and reserves (C20)"],
    ["test/unit/review/budget.test.ts", "grants of time (C20)"],
    ["test/unit/plan/compile-checks.test.ts", "budgets (C20)"],
    ["test/unit/pipeline/budget.test.ts", "the review budget (C20)"],
    [
      "test/e2e/budget.test.ts",
      "are all budget_exhausted one after the other, the exchange is served, and the fail-closed one behind them got its slice (C20)",
    ],
  ],
  C21: [
    ["test/e2e/budget.test.ts", "is told the service as the deadline of the call (C21)"],
    ["test/e2e/overload.test.ts", "is overloaded, not late, for a review whose time ran out in the queue (C21)"],
    ["test/contract/review-client/time.ts", "lets a grant run out in the queue as overload, not as a timeout (C21)"],
  ],
  C22: [
    ["test/unit/expressions/compile-predicate.test.ts", "reads what is absent as empty: %s (C22)"],
    ["test/unit/expressions/compile-predicate.test.ts", "answers error, which counts as a match: %s (C22)"],
    ["test/unit/plan/compile-checks.test.ts", "refuse a condition at %s that cannot be asked: %s (C22)"],
    ["test/unit/pipeline/conditions.test.ts", "which bindings are asked (C22)"],
  ],
  C23: [
    ["test/e2e/websocket-credentials.test.ts", "a credential in a subprotocol, as browsers send it (C23)"],
    [
      "test/unit/plan/compile.test.ts",
      "hides the slots of every authenticator and upstream on every route, and what the operator adds (C23)",
    ],
    ["test/unit/adapters/review/encode-review.test.ts", "never shows what is hidden, unless it is exposed to this binding (C23)"],
    ["test/unit/review/exposed-values.test.ts", "repeatsExposed (C23)"],
    ["test/unit/review/exposed-values.test.ts", "withoutExposed (C23)"],
    ["test/unit/review/apply-verdict.test.ts", "set-cookie (C23)"],
    ["test/unit/review/apply-verdict.test.ts", "refuses a field that was exposed, although it is not hidden otherwise (C23)"],
    ["test/e2e/patches.test.ts", "appends cookies with the power to, and neither sees nor loses those of the upstream (C23)"],
  ],
  C24: [
    ["test/unit/review/body-view.test.ts", "toBodyView as json (C24)"],
    ["test/unit/review/body-view.test.ts", "toBodyView as text and bytes (C24)"],
    ["test/unit/review/apply-verdict-values.test.ts", "bodies (C24)"],
    ["test/unit/pipeline/bodies.test.ts", "capturing (C24)"],
    [
      "test/e2e/captured-room.test.ts",
      "refuses a body that finds no room beside those held for review, while other routes go on (C24)",
    ],
    [
      "test/e2e/bodies.test.ts",
      "does not escape a review by the coding %s: it is shown decoded, and denied for what it says (C24)",
    ],
    [
      "test/e2e/bodies.test.ts",
      "goes out uncoded, with its new length and without what described the old bytes, when it is patched (C24)",
    ],
    ["test/e2e/streams.test.ts", "come before the client is told to send its body: a denied one never sends it (C24)"],
  ],
  C25: [
    ["test/unit/review/apply-verdict-values.test.ts", "refuse the path %j (C25)"],
    ["test/unit/review/apply-verdict-values.test.ts", "serialise only patched query names, in their place (C25)"],
    [
      "test/e2e/patches.test.ts",
      "sets one line for a string and several for a list, and leaves the other lines separate and in order (C25)",
    ],
    [
      "test/conformance/request-path/request-path.test.ts",
      "that any known kind of server reads as another place never reach it, but for what is known",
    ],
    ["test/e2e/differential.test.ts", "means to the upstream what it means without a gateway, but for the documented changes"],
    ["test/e2e/patches.test.ts", "serialises only the query names it touched (C25)"],
  ],
  C26: [
    ["test/unit/plan/route-table.test.ts", "%j and a %s lead to %s (C26)"],
    ["test/unit/plan/selector-match.test.ts", "includes HEAD in GET, and not the other way round (C26)"],
    ["test/unit/review/apply-verdict-values.test.ts", "responses (C26)"],
    ["test/unit/app/open-tunnels.test.ts", "the open WebSockets of a process (C26)"],
    [
      "test/e2e/websocket-handshake.test.ts",
      "a WebSocket handshake through a $codec listener and the $upstreamClient client (C26)",
    ],
    ["test/e2e/websocket.test.ts", "a WebSocket through a $codec listener and the $upstreamClient client (C26)"],
    ["test/e2e/websocket-reviews.test.ts", "a handshake that is reviewed (C26)"],
    ["test/e2e/websocket-http2.test.ts", "a WebSocket on a stream of HTTP/2 (RFC 8441, C26)"],
    ["test/unit/model/grpc.test.ts", "what a request speaks (C26)"],
    ["test/unit/model/connect.test.ts", "a request of Connect (C26)"],
  ],
  C27: [
    ["test/unit/pipeline/handle.test.ts", "a CORS preflight (C27)"],
    ["test/unit/pipeline/cors.test.ts", "a route with cors (C27)"],
  ],
  C28: [["test/unit/pipeline/respond.test.ts", "what post-response sees (C28)"]],
  C29: [
    ["test/unit/pipeline/observers.test.ts", "observers (C29)"],
    ["test/unit/pipeline/observers.test.ts", "the notice of an exchange that stays open (C29)"],
    ["test/unit/app/aside-queue.test.ts", "AsideQueue (C29)"],
    ["test/e2e/observe.test.ts", "hold nothing up: the answer is out while every observer hangs (C29)"],
  ],
  C30: [
    ["test/unit/review/grant.test.ts", "which bindings are granted (C30)"],
    ["test/unit/review/grant.test.ts", "what a granted binding gets (C30)"],
    ["test/unit/plan/compile.test.ts", "grants (C30)"],
    ["test/unit/plan/compile.test.ts", "identities (C30)"],
    ["test/unit/plan/manifest-digest.test.ts", "a pinned manifest (C30)"],
    ["test/e2e/live-manifests.test.ts", "a manifest that changes under allowlist (C30)"],
    ["test/e2e/live-manifests.test.ts", "a manifest that changes under exact (C30)"],
    ["test/e2e/live-manifests.test.ts", "a manifest that changes under dynamic (C30)"],
    ["test/e2e/live-manifests.test.ts", "a manifest that is pinned (C30)"],
    ["test/unit/adapters/review/watch/watch-stream.test.ts", "the Watch of one endpoint"],
    ["test/e2e/watch.test.ts", "Watch (C30)"],
    ["test/e2e/patches.test.ts", "is invalid where it writes %s, whatever the manifest asked for (C30)"],
  ],
  C31: [
    ["test/unit/plan/require.test.ts", "a claim is met (C31)"],
    ["test/unit/plan/require.test.ts", "a claim is refused (C31)"],
    ["test/unit/plan/require.test.ts", "accept (C31)"],
  ],
  C32: [
    ["test/unit/plan/compile-checks.test.ts", "readiness (C32)"],
    ["test/unit/app/readiness.test.ts", "ReadyLatch (C32)"],
    ["test/e2e/readiness.test.ts", "guards every route where %s (C32)"],
    ["test/e2e/reload-interceptors.test.ts", "with one interceptor dead (C32)"],
  ],
  C33: [
    ["test/unit/pipeline/shadow.test.ts", "a shadow binding (C33)"],
    ["test/unit/pipeline/shadow.test.ts", "what a shadow's verdict is worth (C33)"],
    ["test/unit/pipeline/shadow.test.ts", "percent (C33)"],
    ["test/unit/plan/shadow.test.ts", "a shadow binding in a plan (C33)"],
    ["test/e2e/shadow.test.ts", "a shadow binding over real sockets (C33)"],
  ],
  C34: [
    ["test/unit/plan/granted-cache.test.ts", "what a binding may keep of its verdicts (C34)"],
    ["test/unit/adapters/review/cache/cached-reviewer.test.ts", "a reviewer of kept verdicts (C34)"],
    ["test/unit/adapters/review/cache/verdict-cache.test.ts", "the verdict cache (C34)"],
    ["test/unit/adapters/review/cache/revocations.test.ts", "the memory of revokes (C34)"],
    ["test/e2e/verdict-cache.test.ts", "the verdict cache (C34)"],
  ],
  C35: "planned",
  C36: [
    ["test/unit/pipeline/keep-open.test.ts", "a stream of events that was let through for a time (C36)"],
    ["test/unit/pipeline/re-review.test.ts", "reviewing an open stream again (C36)"],
    ["test/unit/pipeline/closable-stream.test.ts", "an event stream that is closed from outside (C36)"],
    ["test/unit/app/long-lived-streams.test.ts", "open long-lived exchanges (C36)"],
    ["test/unit/app/record-re-review.test.ts", "the line of log about asking again (C36)"],
    ["test/unit/app/generations.test.ts", "that retires closes its upstreams, but for those that open streams still hold (C36)"],
    ["test/e2e/long-lived.test.ts", "an open stream of events that was let through for a time (C36)"],
    ["test/e2e/long-lived-forms.test.ts", "a stream of gRPC that was let through for a time (C36)"],
    ["test/e2e/websocket-reviews.test.ts", "an open WebSocket that was let through for a time (C36)"],
    [
      "test/e2e/grpc-reviews.test.ts",
      "is asked about again while it is open, and closed with a status when it may go no further (C36)",
    ],
  ],
  C37: [
    ["test/unit/app/workers/worker-share.test.ts", "a worker's share of the limits (C37)"],
    ["test/unit/app/workers/worker-fleet.test.ts", "the workers of a gateway (C37)"],
    ["test/unit/app/workers/plan-snapshot.test.ts", "arrives as it was, its secrets included, deeply frozen"],
    ["test/unit/app/workers/merged-status.test.ts", "how an interceptor stands over all processes (C37)"],
    ["test/unit/adapters/telemetry/metrics-snapshot.test.ts", "the metrics of several processes"],
    ["test/e2e/workers.test.ts", "a gateway with workers (C37)"],
    ["test/e2e/workers-interceptors.test.ts", "interceptors of a gateway with workers (C37)"],
    ["test/e2e/workers-interceptors.test.ts", "take as many connections as one process would, over all workers"],
  ],
  C38: [
    ["test/unit/adapters/identity/key-ring.test.ts", "the ring of signing keys"],
    ["test/unit/adapters/identity/token-slot.test.ts", "the slot for a token"],
    ["test/unit/adapters/review/credential.test.ts", "is never sent in the clear, nor asked for"],
    ["test/unit/config/gateway-identity.test.ts", "audience"],
    ["test/unit/plan/audience-fault.test.ts", "the audience a manifest expects"],
    ["test/unit/admin/jwks.test.ts", "/.well-known/jwks.json"],
    ["test/unit/app/answer-jwks.test.ts", "a listener that serves the JWKS"],
    ["test/unit/sdk/gateway-tokens.test.ts", "a token of the gateway"],
    ["test/unit/sdk/read-jwks.test.ts", "reading a JWKS over https"],
    ["test/e2e/identity.test.ts", "a gateway known by its token"],
  ],
  C39: [
    [
      "test/unit/adapters/review/unix/check-socket.test.ts",
      "the check of a unix socket, which needs a directory nobody else may write to (C39)",
    ],
    [
      "test/unit/adapters/review/unix/unix-endpoint.test.ts",
      "a unix endpoint, which needs a directory nobody else may write to (C39)",
    ],
    ["test/unit/config/unix-endpoint.test.ts", "a unix endpoint (C39)"],
    [
      "test/unit/sdk/serve-unix.test.ts",
      "serving on a unix socket, which needs a directory nobody else may write to (C39), over %s",
    ],
    ["test/e2e/unix.test.ts", "an interceptor on a unix socket, which needs a directory nobody else may write to (C39)"],
  ],
};

/** Rules in force that no test holds yet. Each name here is a debt: the gate passes with it, and it is in plain sight. */
export const NOT_YET: readonly `C${number}`[] = [];
