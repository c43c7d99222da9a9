import type { ConfigIssue } from "../../model/config-issue.ts";
import type { Cursor } from "../source/cursor.ts";
import { mayQuote, quote } from "../validate/found.ts";

/** Listeners, routes and interceptors are known by name, bindings by id and phase. */
export function checkUniqueNames(config: Cursor): readonly ConfigIssue[] {
  const named = ["listeners", "routes", "interceptors"].flatMap((section) => {
    const names = config
      .get(section)
      .items()
      .map((item) => item.get("name"));
    return repeated(names, (name) => name.text());
  });
  const bindings = config
    .get("interceptors")
    .items()
    .flatMap((interceptor) => {
      const ids = interceptor.get("bindings").items();
      return repeated(ids, (binding) => bindingKey(binding));
    });
  const lists = config
    .get("routes")
    .items()
    .flatMap((route) => {
      return ["authenticate", "listeners"].flatMap((key) => repeated(route.get(key).items(), (item) => item.text()));
    });
  return [...named, ...bindings, ...lists];
}

function repeated(values: readonly Cursor[], keyOf: (value: Cursor) => string | undefined): ConfigIssue[] {
  const seen = new Set<string>();
  return values.flatMap((value) => {
    const key = keyOf(value);
    if (key === undefined) return [];
    if (!seen.has(key)) {
      seen.add(key);
      return [];
    }
    const shown = value.node !== undefined && mayQuote(value.node, value.pointer) ? ` ${quote(key)}` : "";
    return value.issue(value.node?.kind === "map" ? "this binding stands here twice for one phase" : `the name${shown} is taken`);
  });
}

function bindingKey(binding: Cursor): string | undefined {
  const id = binding.get("id").text();
  const phase = binding.get("phase").text();
  return id === undefined || phase === undefined ? undefined : `${id}@${phase}`;
}
