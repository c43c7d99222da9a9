import { globSync, readFileSync } from "node:fs";
import { join, posix } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript-6";

/** Absolute path of the repository, with a trailing slash. */
export const REPOSITORY = fileURLToPath(new URL("../..", import.meta.url));

/** One import of one file, whatever its form: `import`, `export … from`, `import()`, or a type query. */
export interface Import {
  readonly specifier: string;
  /** Gone after type stripping. */
  readonly typeOnly: boolean;
  /** Names taken from the module; empty for whole-module and side-effect imports. */
  readonly names: readonly string[];
  /** Path in the repository when the module is ours; otherwise absent, also for packages and Node's modules. */
  readonly path?: string;
}

/** One TypeScript file of ours, parsed. */
export interface SourceFile {
  /** From the root of the repository, with forward slashes. */
  readonly path: string;
  /** The directory below `src/`, or `contract`, `sdk`, `conformance`, `lean-grpc`, `example`, `main`; what the import table speaks of. */
  readonly room: string;
  readonly text: string;
  readonly lineCount: number;
  readonly imports: readonly Import[];
  readonly syntax: ts.SourceFile;
}

/** Paths from the root of the repository that match a pattern, sorted; never anything installed or built. */
export function filesMatching(...patterns: readonly string[]): readonly string[] {
  const found = globSync([...patterns], {
    cwd: REPOSITORY,
    exclude: (name) => ["node_modules", "dist"].includes(posix.basename(name)),
  });
  return found.map((path) => path.replaceAll("\\", "/")).toSorted();
}

/** The file's text; the path is from the root of the repository. */
export const textOf = (path: string): string => readFileSync(join(REPOSITORY, path), "utf8");

/** Reads and parses one file. */
export function readSource(path: string): SourceFile {
  const text = textOf(path);
  const syntax = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
  return { path, room: roomOf(path), text, lineCount: text.split("\n").length - 1, imports: importsOf(path, syntax), syntax };
}

/** Which row of the import table a path belongs to. */
export function roomOf(path: string): string {
  const [top = "", second = ""] = path.split("/");
  if (top === "src") return second.endsWith(".ts") ? second.slice(0, -".ts".length) : second;
  return { proto: "contract", "interceptors-sdk": "sdk", examples: "example" }[top] ?? top;
}

/** Every node below `root`, itself first. */
export function* nodesOf(root: ts.Node): Generator<ts.Node> {
  yield root;
  for (const child of root.getChildren()) yield* nodesOf(child);
}

/** One-based line of a node's first token. */
export const lineOf = (node: ts.Node): number => {
  const file = node.getSourceFile();
  return file.getLineAndCharacterOfPosition(node.getStart(file)).line + 1;
};

function importsOf(path: string, syntax: ts.SourceFile): readonly Import[] {
  return [...nodesOf(syntax)].flatMap((node) => {
    const found = importIn(node);
    if (found === undefined) return [];
    const ours = pathOf(path, found.specifier);
    return [ours === undefined ? found : { ...found, path: ours }];
  });
}

function importIn(node: ts.Node): Omit<Import, "path"> | undefined {
  if (ts.isImportDeclaration(node) && ts.isStringLiteral(node.moduleSpecifier)) {
    const { importClause: clause } = node;
    const bindings = clause?.namedBindings;
    const elements = bindings !== undefined && ts.isNamedImports(bindings) ? [...bindings.elements] : [];
    const typeOnly =
      clause?.phaseModifier === ts.SyntaxKind.TypeKeyword ||
      (clause?.name === undefined && elements.length > 0 && elements.every((element) => element.isTypeOnly));
    return {
      specifier: node.moduleSpecifier.text,
      typeOnly,
      names: elements.map(({ propertyName, name }) => (propertyName ?? name).text),
    };
  }
  if (ts.isExportDeclaration(node) && node.moduleSpecifier !== undefined && ts.isStringLiteral(node.moduleSpecifier)) {
    return { specifier: node.moduleSpecifier.text, typeOnly: node.isTypeOnly, names: [] };
  }
  if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument) && ts.isStringLiteral(node.argument.literal)) {
    return { specifier: node.argument.literal.text, typeOnly: true, names: [] };
  }
  if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
    const [argument] = node.arguments;
    if (argument !== undefined && ts.isStringLiteral(argument)) return { specifier: argument.text, typeOnly: false, names: [] };
  }
  return undefined;
}

const WORKSPACES: readonly (readonly [specifier: RegExp, path: string])[] = [
  [/^@sallyport\/contract\/(gen\/.+)$/, "proto/$1"],
  [/^@sallyport\/contract\/(.+)$/, "proto/src/$1"],
  [/^@sallyport\/interceptor-conformance$/, "conformance/src/index.ts"],
  [/^@sallyport\/lean-grpc\/(.+)$/, "lean-grpc/src/$1"],
  [/^@sallyport\/interceptors-sdk$/, "interceptors-sdk/src/index.ts"],
  [/^@sallyport\/interceptors-sdk\/(.+)$/, "interceptors-sdk/src/$1.ts"],
];

function pathOf(importer: string, specifier: string): string | undefined {
  if (specifier.startsWith(".")) return posix.join(posix.dirname(importer), specifier);
  const workspace = WORKSPACES.find(([pattern]) => pattern.test(specifier));
  return workspace && specifier.replace(...workspace);
}
