import type { ConfigIssue } from "../../model/config-issue.ts";
import type { Cursor } from "../source/cursor.ts";

/** What goes only with shadow, and where shadow has no effect (C33). */
export function checkShadow(config: Cursor): readonly ConfigIssue[] {
  return config
    .get("interceptors")
    .items()
    .flatMap((interceptor) => {
      const own = interceptor.get("enforcement").text();
      return interceptor
        .get("bindings")
        .items()
        .flatMap((binding) => [...observers(binding), ...shares(binding, own)]);
    });
}

function observers(binding: Cursor): ConfigIssue[] {
  const enforcement = binding.get("enforcement");
  if (binding.get("mode").text() !== "observe" || enforcement.text() !== "shadow") return [];
  return enforcement.issue("enforcement: shadow has no effect: an observe binding decides nothing", "leave it out");
}

function shares(binding: Cursor, inherited: string | undefined): ConfigIssue[] {
  const percent = binding.get("percent");
  const isShadow = binding.get("mode").text() !== "observe" && (binding.get("enforcement").text() ?? inherited) === "shadow";
  const { node } = percent;
  if (isShadow || (node?.kind === "scalar" && Number(node.value) === 100)) return [];
  return percent.issue(
    "percent goes only with enforcement: shadow: a review that counts is asked of every exchange",
    "enforcement: shadow",
  );
}
