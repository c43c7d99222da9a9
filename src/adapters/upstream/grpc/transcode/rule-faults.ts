import type { DescField, DescMessage, DescMethod } from "@bufbuild/protobuf";
import { nearestWord } from "../../../../support/edit-distance.ts";
import type { HttpRule } from "./http-rules.ts";

/** What is wrong with what a route offers. */
export interface ApiFault {
  /** JSON pointer within the route's `transcode`; empty: all of it. */
  readonly pointer: string;
  /** A fragment. */
  readonly message: string;
  readonly hint?: string;
}

/** Why a rule cannot be: which part of it, and a fragment. */
export interface RuleFault {
  readonly part: "path" | "body" | "response_body";
  readonly message: string;
  readonly hint?: string;
}

/** Whether a method's requests are streams: such a method is not offered. */
export const streamsRequest = ({ methodKind }: DescMethod): boolean =>
  methodKind === "client_streaming" || methodKind === "bidi_streaming";

/** What of a rule does not fit the messages of its method. */
export function ruleFaults({ input, output }: DescMethod, { template, body, responseBody }: HttpRule): readonly RuleFault[] {
  const faults: RuleFault[] = [];
  for (const { field } of template.variables) {
    const found = fieldAt(input, field);
    if ("message" in found) faults.push({ part: "path", ...found });
    else if (!hasText(found.field))
      faults.push({ part: "path", message: `a variable ${field} that is a list, a map or a message: it has no text` });
    else if (body !== "" && body !== "*" && field === body)
      faults.push({ part: "body", message: `a body ${body} that is in the path already` });
  }
  if (body !== "" && body !== "*" && !input.fields.some(({ name }) => name === body))
    faults.push({ part: "body", ...noField(input, body, "a body") });
  if (responseBody !== "" && !output.fields.some(({ name }) => name === responseBody))
    faults.push({ part: "response_body", ...noField(output, responseBody, "a response_body") });
  return faults;
}

function noField(message: DescMessage, name: string, what: string): Pick<RuleFault, "message" | "hint"> {
  const meant = nearestWord(
    name,
    message.fields.map((field) => field.name),
  );
  const text = `${what} ${name} that is no field of ${message.typeName}`;
  return meant === undefined ? { message: text } : { message: text, hint: `did you mean ${meant}?` };
}

function fieldAt(input: DescMessage, path: string): { readonly field: DescField } | Pick<RuleFault, "message" | "hint"> {
  let field: DescField | undefined;
  let message: DescMessage | undefined = input;
  for (const part of path.split(".")) {
    field = message?.fields.find(({ name, jsonName }) => name === part || jsonName === part);
    if (field === undefined)
      return message === undefined
        ? { message: `a variable ${path} that is no field of ${input.typeName}` }
        : noField(message, part, "a variable");
    message = field.fieldKind === "message" ? field.message : undefined;
  }
  return field === undefined ? { message: "a variable without a name" } : { field };
}

/** Whether one segment can be its value: what `request-message` takes as text. */
const hasText = (field: DescField): boolean =>
  field.fieldKind === "enum" ||
  field.fieldKind === "scalar" ||
  (field.fieldKind === "message" && field.message.typeName.startsWith("google.protobuf."));
