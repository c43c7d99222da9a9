/** One mistake in a configuration, at the place where it stands. Carries no secret. */
export interface ConfigIssue {
  /** Path as given to the loader, of a file it names, or the name of an environment variable. */
  readonly file: string;
  /** 1-based. */
  readonly line: number;
  /** 1-based, in UTF-16 units. */
  readonly column: number;
  /** JSON pointer of the value (or of the missing or unknown key) inside the file; empty for the whole document. */
  readonly pointer: string;
  /** What was expected and what was found: a fragment without a period. */
  readonly message: string;
  /** What the author probably meant, or how to write it. */
  readonly hint?: string;
}

/** One line per issue: `file:line:column: /pointer: message (hint)`. Control characters of a key or a path are escaped. */
export function formatIssue(issue: ConfigIssue): string {
  const hint = issue.hint === undefined ? "" : ` (${issue.hint})`;
  const line = `${issue.file}:${issue.line}:${issue.column}: ${issue.pointer || "/"}: ${issue.message}${hint}`;
  return line.replaceAll(
    /[\u0000-\u001f\u007f-\u009f]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
