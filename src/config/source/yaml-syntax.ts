import { Composer, type CST, Lexer, LineCounter, type ParsedNode, Parser } from "yaml";
import { err, ok, type Result } from "../../model/result.ts";
import type { SourceText } from "./config-node.ts";

/** Deeper nesting than any configuration needs; the composer and everything after it recurse this deep. */
export const MAX_DEPTH = 64;
/** Words, signs, line ends and stretches of space in one file; each costs several hundred bytes of memory while it is read. */
export const MAX_LEXEMES = 5_000_000;

/** A text to be read, and what of it issues may show. */
export interface YamlText {
  readonly file: string;
  readonly text: string;
  readonly kind: "file" | "secret-file";
}

/** A document that could not be read: one finding, since one slip in YAML makes dozens of errors after it. */
export interface SyntaxFinding {
  readonly offset: number;
  readonly message: string;
  readonly hint?: string;
}

/** A YAML text as its tree of nodes, not yet resolved; undefined contents for an empty text. */
export interface YamlTree {
  readonly source: SourceText;
  readonly contents: ParsedNode | null;
}

/** Reads the syntax of one YAML document. Nothing of the text's values is quoted in a finding. */
export function readYamlTree({ file, text, kind }: YamlText): {
  readonly source: SourceText;
  readonly tree: Result<YamlTree, SyntaxFinding>;
} {
  const lines = new LineCounter();
  const source: SourceText = { file, kind, locate: (offset) => locate(lines, offset) };
  const tokens = tokenize(text, lines);
  if (!tokens.ok) return { source, tree: tokens };
  const options = { merge: true, uniqueKeys: false, prettyErrors: false, logLevel: "silent", version: "1.2" } as const;
  const [document, second] = new Composer<ParsedNode>(options).compose(tokens.value, true, text.length);
  const [error] = document?.errors ?? [];
  if (error !== undefined) return { source, tree: err(toFinding(error, text)) };
  if (second !== undefined)
    return { source, tree: err({ offset: second.range[0], message: "expected one YAML document, found a second one" }) };
  return { source, tree: ok({ source, contents: document?.contents ?? null }) };
}

function locate(lines: LineCounter, offset: number): { line: number; column: number } {
  const { line, col } = lines.linePos(offset);
  return { line: Math.max(1, line), column: Math.max(1, col) };
}

/** Stops as soon as a bound is met, so that a hostile text costs neither memory nor stack. */
function tokenize(text: string, lines: LineCounter): Result<readonly CST.Token[], SyntaxFinding> {
  const parser = new Parser(lines.addNewLine);
  const tokens: CST.Token[] = [];
  let lexemes = 0;
  lines.addNewLine(0);
  for (const lexeme of new Lexer().lex(text)) {
    tokens.push(...parser.next(lexeme));
    lexemes += 1;
    if (lexemes > MAX_LEXEMES) return err({ offset: parser.offset, message: `more than ${MAX_LEXEMES} words and signs` });
    // one entry is the document, one the scalar being read
    if (parser.stack.length > MAX_DEPTH + 2)
      return err({ offset: parser.offset, message: `nested more than ${MAX_DEPTH} levels deep` });
  }
  tokens.push(...parser.end());
  return ok(tokens);
}

function toFinding(error: { readonly code: string; readonly pos: readonly [number, number] }, text: string): SyntaxFinding {
  const [offset] = error.pos;
  const variable = text.slice(Math.max(0, offset - 1), offset + 2).indexOf("${");
  if (variable >= 0) {
    return {
      offset: Math.max(0, offset - 1) + variable,
      message: "invalid YAML",
      hint: 'inside { } and [ ] write "${NAME}" in quotes',
    };
  }
  return { offset, message: `invalid YAML: ${SYNTAX_MESSAGES[error.code] ?? "this cannot stand here"}` };
}

/** Our words for the YAML library's error codes: its own messages quote the text, which may be a secret. */
const SYNTAX_MESSAGES: Readonly<Record<string, string>> = {
  ALIAS_PROPS: "an alias takes no anchor or tag",
  BAD_ALIAS: "an alias needs a name that an anchor above it set",
  BAD_COLLECTION_TYPE: "this tag does not fit a list or mapping",
  BAD_DIRECTIVE: "unknown directive",
  BAD_DQ_ESCAPE: "unknown escape sequence in double quotes (single quotes take a backslash as it is)",
  BAD_INDENT: "wrong indentation",
  BAD_PROP_ORDER: "anchor or tag in the wrong place",
  BAD_SCALAR_START: "a text that begins with this character needs quotes",
  BLOCK_AS_IMPLICIT_KEY: "a mapping inside a mapping starts on a line of its own (a text with a colon and a space needs quotes)",
  BLOCK_IN_FLOW: "inside { } and [ ] only { } and [ ] may stand",
  KEY_OVER_1024_CHARS: "a key is longer than 1024 characters",
  MISSING_CHAR: "a closing quote, bracket, comma, colon or space is missing",
  MULTILINE_IMPLICIT_KEY: "a key must stand on one line, followed by a colon",
  MULTIPLE_ANCHORS: "a value has at most one anchor",
  MULTIPLE_TAGS: "a value has at most one tag",
  TAB_AS_INDENT: "tabs cannot indent",
  TAG_RESOLVE_FAILED: "unknown tag or a value that does not fit it",
};
