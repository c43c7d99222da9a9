import type { Field } from "@sallyport/contract/view-field.ts";

/** Names no view shows and no patch touches: the credential slots of the whole plan and the operator's own list (C23). Headers in lower case. */
export interface HiddenNames {
  readonly headers: ReadonlySet<string>;
  readonly query: ReadonlySet<string>;
}

/** Whether a field is hidden; `set-cookie` of a response always is. A header is hidden under every spelling of its name. */
export function isHiddenField(hidden: HiddenNames, field: Field): boolean {
  if (field.kind === "query") return hidden.query.has(field.name);
  if (field.kind !== "header") return false;
  if (field.side === "response" && field.name === "set-cookie") return true;
  return hidden.headers.has(field.name) || hidden.headers.has(spelled(field.name));
}

/** A header name with `_` read as `-`: upstreams behind CGI or WSGI take one for the other, so neither stands for less than the other. */
export const spelled = (name: string): string => (name.includes("_") ? name.replaceAll("_", "-") : name);
