import { isBuiltin } from "node:module";
import { posix } from "node:path";
import ts from "typescript-6";
import { describe, expect, it } from "vitest";
import { filesMatching, lineOf, nodesOf, readSource, roomOf, textOf } from "./support/source-tree.ts";
import type { Import, SourceFile } from "./support/source-tree.ts";

// A room may import itself and the rooms named here, nothing else. CONTRIBUTING.md shows the same table.
const MAY_IMPORT: Readonly<Record<string, string>> = {
  contract: "",
  model: "contract",
  support: "model contract ports",
  ports: "model contract",
  expressions: "model support",
  config: "model support",
  review: "model ports support contract",
  policies: "model ports support expressions config",
  plan: "model ports support contract config policies review expressions",
  pipeline: "model ports support review contract",
  admin: "model ports support",
  identity: "model ports support",
  adapters: "model ports support contract lean-grpc",
  app: "model ports support contract expressions config review policies plan pipeline admin identity adapters",
  cli: "app config plan model",
  main: "cli app config plan model",
  worker: "app",
  sdk: "contract lean-grpc",
  conformance: "contract",
  "lean-grpc": "",
  example: "sdk",
};

// Narrower than the room: only these paths of the second room are open to the first.
const ONLY: readonly { readonly from: string; readonly to: string; readonly path: RegExp; readonly because: string }[] = [
  { from: "support", to: "ports", path: /^src\/ports\/clock\.ts$/, because: "support may take a Clock, nothing else" },
  {
    from: "policies",
    to: "config",
    path: /^src\/config\/schema\//,
    because: "policies describe their section with schema primitives",
  },
];

const MAY_KNOW_PACKAGES: Readonly<Record<string, string>> = {
  contract: "@bufbuild/protobuf",
  config: "yaml zod",
  expressions: "@marcbachmann/cel-js re2js",
  policies: "zod",
  adapters: "@bufbuild/protobuf @grpc/grpc-js @peculiar/x509 @prometheus-io/client chokidar fastify jose pino undici",
  cli: "commander picocolors",
  conformance: "@bufbuild/protobuf @grpc/grpc-js",
  sdk: "@bufbuild/protobuf @grpc/grpc-js jose",
};

// Node's modules that compute and reach nothing; the core gets at them through support/.
const PURE_NODE_MODULES: Readonly<Record<string, RegExp>> = {
  "node:buffer": /./,
  "node:crypto": /^(?!random|getRandom|generate)/,
  "node:net": /^(BlockList|SocketAddress|isIP)/,
  "node:path": /./,
  "node:querystring": /./,
  "node:string_decoder": /./,
  "node:url": /./,
  "node:util": /./,
  "node:zlib": /./,
};
const KNOWS_THE_OUTSIDE = ["adapters", "cli", "main", "sdk", "conformance", "lean-grpc", "example"];

// Longer than 400 lines, with the reason. Generated code is not listed: it is not read as source.
const MAY_BE_LONG: Readonly<Record<string, string>> = {};

const NEVER_IN_NAMES = wordList(
  "manager helper helpers util utils misc impl ctx middleware plugin plugins hook hooks webhook " +
    "extension backend consumer whitelist blacklist",
);

const shipped = filesMatching("{src,proto/src,interceptors-sdk/src,conformance/src,lean-grpc/src,examples}/**/*.ts")
  .filter((path) => !path.endsWith(".test.ts"))
  .map(readSource);
const tests = filesMatching("test/**/*.ts", "{proto,interceptors-sdk,examples}/**/*.test.ts", "bench/**/*.ts").map(readSource);

/** What every file of ours says about itself, as `path:line: complaint`; nothing is the only good answer. */
function complaints(files: readonly SourceFile[], check: (file: SourceFile) => readonly (readonly [ts.Node | Import, string])[]) {
  return files.flatMap((file) =>
    check(file).map(([at, complaint]) => `${file.path}${"kind" in at ? `:${lineOf(at)}` : ""}: ${complaint}`),
  );
}

describe("imports", () => {
  const imported = (check: (file: SourceFile, found: Import) => string | undefined) =>
    complaints(shipped, (file) =>
      // the program's own version is the one fact main takes from outside the rooms
      file.imports
        .filter(({ path }) => !(file.room === "main" && path === "package.json"))
        .flatMap((found) => asList(found, check(file, found))),
    );

  it("reach only the rooms they may", () => {
    const wrong = imported((file, { path }) => {
      if (path === undefined) return undefined;
      const room = roomOf(path);
      if (room === file.room || wordList(MAY_IMPORT[file.room]).includes(room)) return undefined;
      return `${file.room} may not import ${room} (${path})`;
    });
    expect(wrong).toEqual([]);
  });

  it("reach only the part of a room that is open to them", () => {
    const wrong = imported((file, { path }) => {
      const rule = path && ONLY.find(({ from, to }) => from === file.room && to === roomOf(path));
      return rule && !rule.path.test(path) ? `may not import ${path}: ${rule.because}` : undefined;
    });
    expect(wrong).toEqual([]);
  });

  it("bring third-party packages only into the rooms that may know them", () => {
    const wrong = imported((file, { path, specifier }) => {
      if (path !== undefined || isBuiltin(specifier)) return undefined;
      const name = specifier.split("/", specifier.startsWith("@") ? 2 : 1).join("/");
      return wordList(MAY_KNOW_PACKAGES[file.room]).includes(name) ? undefined : `${file.room} may not know the package ${name}`;
    });
    expect(wrong).toEqual([]);
  });

  it("bring Node's pure modules only into support, and those that reach outside only into adapters and cli", () => {
    const wrong = imported((file, { specifier, typeOnly, names }) => {
      if (!isBuiltin(specifier) || typeOnly || KNOWS_THE_OUTSIDE.includes(file.room)) return undefined;
      if (file.room !== "support") return `${file.room} may not import ${specifier}`;
      const pure = PURE_NODE_MODULES[specifier];
      if (pure !== undefined && names.length > 0 && names.every((name) => pure.test(name))) return undefined;
      return `support may import named, pure parts of Node only, not { ${names.join(", ")} } of ${specifier}`;
    });
    expect(wrong).toEqual([]);
  });

  it("never go in a circle", () => {
    expect(cyclesOf(new Map(shipped.map((file) => [file.path, file.imports.flatMap(({ path }) => path ?? [])])))).toEqual([]);
  });

  it("name a file that exists, spelled out with its ending", () => {
    const exists = new Set(filesMatching("{src,proto,interceptors-sdk,conformance,lean-grpc,examples}/**/*.ts"));
    expect(imported((_file, { path }) => (path === undefined || exists.has(path) ? undefined : `no such file: ${path}`))).toEqual(
      [],
    );
  });
});

describe("the core", () => {
  const core = shipped.filter(({ path, room }) => path.startsWith("src/") && !KNOWS_THE_OUTSIDE.includes(room));

  it("reads no clock through the Date constructor", () => {
    const wrong = complaints(core, ({ syntax }) =>
      [...nodesOf(syntax)].flatMap((node) =>
        ts.isNewExpression(node) && node.expression.getText() === "Date" && (node.arguments?.length ?? 0) === 0
          ? [[node, "new Date() reads the clock; take a Clock (ports/)"] as const]
          : [],
      ),
    );
    expect(wrong).toEqual([]);
  });

  it("handles bytes as Uint8Array; Buffer is for support and adapters", () => {
    const outsideSupport = core.filter(({ room }) => room !== "support");
    const wrong = complaints(outsideSupport, ({ syntax }) =>
      [...nodesOf(syntax)].flatMap((node) =>
        ts.isIdentifier(node) && node.text === "Buffer" ? [[node, "Buffer"] as const] : [],
      ),
    );
    expect(wrong).toEqual([]);
  });

  it("reveals a secret only where it is compared, sent or given to TLS", () => {
    const revealing = shipped.filter(({ path, text }) => path.startsWith("src/") && text.includes(".reveal("));
    expect(revealing.map(({ path }) => path).filter((path) => !(path in MAY_REVEAL))).toEqual([]);
  });
});

const MAY_REVEAL: Readonly<Record<string, string>> = {
  "src/adapters/admin/token-file.ts": "compared",
  "src/adapters/certificates/private-key.ts": "written to a private file, compared",
  "src/adapters/review/transport/grpc-js-transport.ts": "sent",
  "src/adapters/review/transport/lean-transport.ts": "sent",
  "src/adapters/review/endpoint.ts": "given to TLS",
  "src/app/acquire.ts": "hashed into the identity of a client",
  "src/app/acquire-upstream.ts": "hashed into the identity of an upstream",
  "src/adapters/upstream/tls/endpoint-tls.ts": "given to TLS",
  "src/app/assemble.ts": "handed to where it is sent",
  "src/app/listeners.ts": "given to TLS",
  "src/app/workers/control-gateway.ts": "sent to a worker of ours over the private pipe",
  "src/app/workers/plan-snapshot.ts": "sent to a worker of ours over the private pipe",
  "src/policies/authenticate/static-token.ts": "hashed to be compared",
  "src/policies/forward/to-upstream-request.ts": "sent",
};

describe("size", () => {
  it("keeps every file at 400 lines or less, unless a reason is on record", () => {
    const long = [...shipped, ...tests].filter(({ path, lineCount }) => lineCount > 400 && !(path in MAY_BE_LONG));
    expect(long.map(({ path, lineCount }) => `${path}: ${lineCount} lines`)).toEqual([]);
  });

  it("keeps every function at 80 lines or less", () => {
    const wrong = complaints(shipped, ({ syntax }) =>
      [...nodesOf(syntax)].flatMap((node) => {
        const lineCount = node.getText().split("\n").length;
        return ts.isFunctionLike(node) && lineCount > 80 ? [[node, `a function of ${lineCount} lines`] as const] : [];
      }),
    );
    expect(wrong).toEqual([]);
  });

  it("keeps every file of an example interceptor at 80 lines or less", () => {
    const long = shipped.filter(({ room, lineCount }) => room === "example" && lineCount > 80);
    expect(long.map(({ path, lineCount }) => `${path}: ${lineCount} lines`)).toEqual([]);
  });
});

describe("words", () => {
  it("has a docstring on every exported function and class", () => {
    const wrong = complaints(
      shipped.filter(({ room }) => room !== "example"),
      ({ syntax }) =>
        syntax.statements
          .filter((statement) => isExported(statement) && doesSomething(statement))
          .filter((statement) => ts.getJSDocCommentsAndTags(statement).length === 0)
          .map((statement) => [statement, "exported without a docstring"] as const),
    );
    expect(wrong).toEqual([]);
  });

  it("says beside every `as` why it holds", () => {
    const wrong = complaints(shipped, ({ syntax, text }) => {
      const lines = text.split("\n");
      const explained = (line: number) => lines.slice(Math.max(0, line - 3), line).some((each) => /\/\/|\*\/|^\s*\*/.test(each));
      return [...nodesOf(syntax)].flatMap((node) =>
        ts.isAsExpression(node) && !ts.isConstTypeReference(node.type) && !explained(lineOf(node))
          ? [[node, `\`${node.getText().slice(0, 60)}\` without a comment on this line or the two above`] as const]
          : [],
      );
    });
    expect(wrong).toEqual([]);
  });

  it("uses no word that means something else to somebody", () => {
    const wrong = shipped.flatMap((file) =>
      [posix.basename(file.path, ".ts"), ...exportedNames(file)]
        .filter((name) => wordsOf(name).some((word) => NEVER_IN_NAMES.includes(word)))
        .map((name) => `${file.path}: ${name}`),
    );
    expect(wrong).toEqual([]);
  });

  it("has no `export *` in src: a reader goes to the file that has it", () => {
    const barrels = shipped.filter(({ path, text }) => path.startsWith("src/") && /^export (type )?\*/m.test(text));
    expect(barrels.map(({ path }) => path)).toEqual([]);
  });
});

describe("what must come along", () => {
  const roomsOfSrc = [...new Set(shipped.filter(({ path }) => /^src\/.+\//.test(path)).map(({ room }) => room))];

  it.each(roomsOfSrc)("src/%s has a README of 30 lines or less", (room) => {
    const [readme] = filesMatching(`src/${room}/README.md`);
    expect(readme, `src/${room}/README.md: purpose, what may be imported, what must hold, where to add`).toBeDefined();
    expect(
      textOf(readme ?? "")
        .trimEnd()
        .split("\n").length,
    ).toBeLessThanOrEqual(30);
  });

  it("has a README in every folder of a built-in policy and of an example", () => {
    const folders = new Set(
      filesMatching("src/policies/*/*.ts", "examples/interceptors/*/**/*.ts").map((path) =>
        path.split("/").slice(0, 3).join("/"),
      ),
    );
    expect([...folders].filter((folder) => filesMatching(`${folder}/README.md`).length === 0)).toEqual([]);
  });

  it("has a test that names each code of PROBLEMS", async () => {
    const { PROBLEMS } = await import("../src/model/problem.ts");
    const said = [...tests.map(({ text }) => text), ...filesMatching("test/**/*.{yaml,txt,json}").map(textOf)].join("\n");
    expect(Object.keys(PROBLEMS).filter((code) => !new RegExp(`["'\`]${code}["'\`]|\\bcode:\\s*${code}\\b`).test(said))).toEqual(
      [],
    );
  });

  it("shows the import table of this test in CONTRIBUTING.md", () => {
    const shown = textOf("CONTRIBUTING.md");
    const missing = Object.keys(MAY_IMPORT).filter((room) => !new RegExp(`^\\|[^|]*\`${room}\``, "m").test(shown));
    expect(missing).toEqual([]);
  });
});

function wordList(words = ""): readonly string[] {
  return words.split(" ");
}

const asList = (at: Import, complaint: string | undefined) => (complaint ? [[at, complaint] as const] : []);

const wordsOf = (name: string): readonly string[] =>
  name
    .replaceAll(/([a-z0-9])([A-Z])/g, "$1 $2")
    .toLowerCase()
    .split(/[^a-z0-9]+/);

const isExported = (statement: ts.Statement): boolean =>
  ts.canHaveModifiers(statement) && (ts.getModifiers(statement) ?? []).some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword);

const doesSomething = (statement: ts.Statement): boolean =>
  ts.isVariableStatement(statement)
    ? statement.declarationList.declarations.some(
        ({ initializer }) => initializer !== undefined && ts.isFunctionLike(initializer),
      )
    : ts.isFunctionDeclaration(statement) || ts.isClassDeclaration(statement);

const exportedNames = ({ syntax }: SourceFile): readonly string[] =>
  syntax.statements.filter(isExported).flatMap((statement) => {
    if (ts.isVariableStatement(statement)) return statement.declarationList.declarations.map(({ name }) => name.getText());
    return "name" in statement && statement.name !== undefined
      ? [(statement as ts.DeclarationStatement).name?.getText() ?? ""]
      : [];
  });

/** Each circle once, as `a -> b -> a`. */
function cyclesOf(graph: ReadonlyMap<string, readonly string[]>): readonly string[] {
  const done = new Set<string>();
  const cycles: string[] = [];
  const visit = (path: string, trail: readonly string[]): void => {
    if (trail.includes(path)) cycles.push([...trail.slice(trail.indexOf(path)), path].join(" -> "));
    if (done.has(path) || trail.includes(path)) return;
    for (const next of graph.get(path) ?? []) visit(next, [...trail, path]);
    done.add(path);
  };
  for (const path of graph.keys()) visit(path, []);
  return cycles;
}
