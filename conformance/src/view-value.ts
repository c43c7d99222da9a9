import type { Body, Header, View } from "@sallyport/contract/gen/sallyport/interceptor/v1/interceptor.ts";
import { type Json, parseJson } from "@sallyport/contract/json.ts";
import type { Field } from "@sallyport/contract/view-field.ts";

/** The value a patch finds at a field of a view; undefined where there is none. */
export function viewValue(view: View, field: Field): Json | undefined {
  switch (field.kind) {
    case "request":
      return view.request?.[field.member];
    case "query":
      return view.request?.query.find(({ name }) => name === field.name)?.values;
    case "header":
      return headerOf((field.side === "request" ? view.request : view.response)?.headers, field.name);
    case "body":
      return bodyValue((field.side === "request" ? view.request : view.response)?.body);
    case "status":
      return view.response?.status;
    case "label":
      return view.labels.find(({ name }) => name === field.name)?.value;
    case "readonly":
      return undefined;
    default:
      return field satisfies never;
  }
}

const headerOf = (headers: readonly Header[] | undefined, wanted: string): string | undefined =>
  headers?.find(({ name }) => name === wanted)?.value;

function bodyValue(body: Body | undefined): Json | undefined {
  const content = body?.content;
  if (content === undefined) return undefined;
  switch (content.$case) {
    case "json": {
      const parsed = parseJson(content.value);
      return parsed.ok ? parsed.value : undefined;
    }
    case "text":
      return content.value;
    case "raw":
      return content.value.toString("base64");
    default:
      return content satisfies never;
  }
}
