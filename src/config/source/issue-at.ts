import type { ConfigIssue } from "../../model/config-issue.ts";
import type { ConfigNode, Place } from "./config-node.ts";

/** An issue with a value, at the value. */
export const issueAt = (node: ConfigNode, message: string, hint?: string): ConfigIssue =>
  issueAtPlace(node, { pointer: node.home, message, ...(hint !== undefined && { hint }) });

/** An issue at any place: a key, or the parent of what is missing. */
export function issueAtPlace(
  place: Place,
  said: { readonly pointer: string; readonly message: string; readonly hint?: string },
): ConfigIssue {
  return { file: place.source.file, ...place.source.locate(place.offset), ...said };
}
