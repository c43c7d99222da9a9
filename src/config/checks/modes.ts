import type { ConfigIssue } from "../../model/config-issue.ts";
import type { Cursor } from "../source/cursor.ts";

/** What a binding's phase and mode rule out of its other keys. */
export function checkModes(config: Cursor): readonly ConfigIssue[] {
  const bindings = config
    .get("interceptors")
    .items()
    .flatMap((interceptor) => interceptor.get("bindings").items());
  return bindings.flatMap((binding) => [...observers(binding), ...nonMutators(binding), ...phases(binding)]);
}

function observers(binding: Cursor): ConfigIssue[] {
  if (binding.get("mode").text() !== "observe") return [];
  const policy = binding.get("failure_policy");
  return policy.text() === "fail-closed"
    ? policy.issue("an observe binding is always fail-open: it runs after the exchange")
    : [];
}

function nonMutators(binding: Cursor): ConfigIssue[] {
  const mode = binding.get("mode").text();
  if (mode !== "observe" && mode !== "validate") return [];
  const writes = binding.get("writes");
  const patches = writes.items().length > 0 ? writes.issue(`${mode} bindings patch nothing`, "mode: mutate") : [];
  // a deny may set cookies and respond may stand in for it, but rerouting is patching
  const reroute = binding
    .get("may")
    .items()
    .filter((power) => power.text() === "reroute" || mode === "observe");
  return [...patches, ...reroute.flatMap((power) => power.issue(`${mode} bindings cannot have this power`, "mode: mutate"))];
}

function phases(binding: Cursor): ConfigIssue[] {
  const phase = binding.get("phase").text();
  const match = binding.get("match");
  if (phase === "pre-auth") return match.get("principals").issue("at pre-auth nobody is authenticated yet");
  if (phase !== "post-response") return [];
  const late = binding
    .get("may")
    .items()
    .filter((power) => power.text() === "reroute" || power.text() === "respond");
  return late.flatMap((power) => power.issue("at post-response the upstream has already answered"));
}
