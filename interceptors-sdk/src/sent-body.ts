import type { Body } from "@sallyport/contract/gen/sallyport/interceptor/v1/interceptor.ts";
import { type Json, parseJson, toPlain } from "@sallyport/contract/json.ts";
import type { BodyFormat } from "@sallyport/contract/phase.ts";

/** One body of a view, in the binding's format; parsed when first asked for. */
export interface SentBody {
  /** As `review` reads it; undefined when there is none. */
  plain(): unknown;
  /** As patches see it: JSON with its numbers as written; text, and bytes in base64, as a string (C24). */
  json(): Json | undefined;
}

/** Wraps a body as it was sent. Reading one whose format is not the binding's throws: the gateway broke the contract. */
export function sentBody(body: Body | undefined, format: BodyFormat): SentBody {
  const content = body?.content;
  if (content === undefined) return { plain: () => undefined, json: () => undefined };
  switch (content.$case) {
    case "json":
      return format === "json" ? jsonBody(content.value) : foreign(format);
    case "text":
      return format === "text" ? { plain: () => content.value, json: () => content.value } : foreign(format);
    case "raw":
      return format === "bytes"
        ? { plain: () => content.value, json: () => Buffer.from(content.value).toString("base64") }
        : foreign(format);
    default:
      return content satisfies never;
  }
}

function jsonBody(text: string): SentBody {
  const json = once(() => {
    const parsed = parseJson(text);
    if (parsed.ok) return parsed.value;
    throw new Error(`the gateway sent a body that is no JSON (${parsed.error.kind} at ${parsed.error.offset})`);
  });
  return { json, plain: once(() => toPlain(json())) };
}

function foreign(format: BodyFormat): SentBody {
  const refuse = (): never => {
    throw new Error(`the gateway sent a body that is not shown as ${format}`);
  };
  return { plain: refuse, json: refuse };
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}
