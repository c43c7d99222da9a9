/** A request target with its Host lines, and how it must be read: as one host and one target, or not at all. */
export interface TargetCase {
  readonly name: string;
  readonly target: string;
  readonly hosts: readonly string[];
  /** Default: HTTP/1.1. */
  readonly version?: "1.0" | "1.1";
  readonly method?: string;
  /** What matching, log and upstream agree on; undefined: refused. */
  readonly read: { readonly host: string; readonly target: string } | undefined;
}

const taken = (target: string, hosts: readonly string[], read: { host: string; target: string }, more = {}): TargetCase => ({
  name: `${target} for ${JSON.stringify(hosts)} is ${read.host} ${read.target}`,
  target,
  hosts,
  read,
  ...more,
});

const refused = (target: string, hosts: readonly string[], more: Partial<TargetCase> = {}): TargetCase => ({
  name: `${more.method ?? "GET"} ${JSON.stringify(target)} for ${JSON.stringify(hosts)} is refused${more.version === undefined ? "" : ` in ${more.version}`}`,
  target,
  hosts,
  read: undefined,
  ...more,
});

const ORIGIN: readonly TargetCase[] = [
  taken("/", ["a.test"], { host: "a.test", target: "/" }),
  taken("/x?y=z", ["a.test"], { host: "a.test", target: "/x?y=z" }),
  taken("/x", ["A.TEST"], { host: "a.test", target: "/x" }),
  taken("/x", ["a.test:8080"], { host: "a.test:8080", target: "/x" }),
  taken("/x", ["a.test:80"], { host: "a.test:80", target: "/x" }),
  taken("/x", ["127.0.0.1"], { host: "127.0.0.1", target: "/x" }),
  taken("/x", ["127.0.0.1:9"], { host: "127.0.0.1:9", target: "/x" }),
  taken("/x", ["[::1]"], { host: "[::1]", target: "/x" }),
  taken("/x", ["[2001:DB8::1]:8443"], { host: "[2001:db8::1]:8443", target: "/x" }),
  taken("/x", ["[::ffff:192.0.2.1]"], { host: "[::ffff:192.0.2.1]", target: "/x" }),
  taken("/x", ["my_service"], { host: "my_service", target: "/x" }),
  taken("/x", ["xn--bcher-kva.test"], { host: "xn--bcher-kva.test", target: "/x" }),
  taken("//evil.test/x", ["a.test"], { host: "a.test", target: "/evil.test/x" }),
  taken("///x", ["a.test"], { host: "a.test", target: "/x" }),
  taken("/http://evil.test/x", ["a.test"], { host: "a.test", target: "/http:/evil.test/x" }),
  taken("/@evil.test", ["a.test"], { host: "a.test", target: "/@evil.test" }),
  taken("/?http://evil.test/", ["a.test"], { host: "a.test", target: "/?http://evil.test/" }),
  taken("/x", ["a.test"], { host: "a.test", target: "/x" }, { version: "1.0", name: "HTTP/1.0 with a Host is read like 1.1" }),
];

const ABSOLUTE: readonly TargetCase[] = [
  taken("http://a.test/x", ["a.test"], { host: "a.test", target: "/x" }),
  taken("http://a.test", ["a.test"], { host: "a.test", target: "/" }),
  taken("http://a.test?x", ["a.test"], { host: "a.test", target: "/?x" }),
  taken("HTTP://A.test/x", ["a.TEST"], { host: "a.test", target: "/x" }),
  taken("http://a.test:8080/x", ["a.test:8080"], { host: "a.test:8080", target: "/x" }),
  taken("http://[::1]:80/x", ["[::1]:80"], { host: "[::1]:80", target: "/x" }),
  taken("http://a.test//x/../y", ["a.test"], { host: "a.test", target: "/y" }),
  ...[
    ["http://b.test/x", "a.test"],
    ["http://a.test/x", "b.test"],
    ["http://a.test:80/x", "a.test"],
    ["http://a.test/x", "a.test:80"],
    ["http://a.test:8080/x", "a.test:8081"],
    ["http://a.test:/x", "a.test"],
    ["http://a.test./x", "a.test"],
    ["http://a.test.b.test/x", "a.test"],
    ["http://user@a.test/x", "a.test"],
    ["http://user:pw@a.test/x", "a.test"],
    ["http://a.test@b.test/x", "a.test"],
    ["http://b.test@a.test/x", "a.test"],
    ["http://a.test%40b.test/x", "a.test"],
    ["http://a.test%2f@b.test/x", "a.test"],
    ["http://a.test\\@b.test/x", "a.test"],
    ["http://a.test\\b.test/x", "a.test"],
    ["http://a.test;b.test/x", "a.test"],
    ["http://a.test,b.test/x", "a.test"],
    ["http://a.test#@b.test/x", "a.test"],
    ["http://a.test/x#y", "a.test"],
    ["http:///x", "a.test"],
    ["http://", "a.test"],
    ["http:/a.test/x", "a.test"],
    ["http:a.test/x", "a.test"],
    ["http:\\\\a.test\\x", "a.test"],
    ["//a.test@b.test", "a.test@b.test"],
    ["https://a.test/x", "a.test"],
    ["ws://a.test/x", "a.test"],
    ["ftp://a.test/x", "a.test"],
    ["file:///etc/passwd", "a.test"],
    ["javascript:alert(1)", "a.test"],
    ["http+unix://a.test/x", "a.test"],
    ["http://[::1/x", "[::1"],
    ["http://[::1]x/x", "[::1]x"],
    ["http://[::1]/x", "[::2]"],
    ["http://[0:0:0:0:0:0:0:1]/x", "[::1]"],
    ["http://127.1/x", "127.0.0.1"],
    ["http://2130706433/x", "127.0.0.1"],
    ["http://0x7f.0.0.1/x", "127.0.0.1"],
    ["http://a.test/x", ""],
  ].map(([target = "", host = ""]) => refused(target, [host])),
  refused("http://a.test/x", []),
  refused("http://a.test/x", ["a.test", "a.test"]),
  refused("http://a.test/x", ["a.test", "b.test"]),
];

const OTHER_FORMS: readonly TargetCase[] = [
  ...[
    "x",
    "x/y",
    "a.test",
    "a.test:80",
    "a.test/x",
    "?x",
    "#x",
    ".",
    "..",
    "*",
    "**",
    "*/x",
    "\\x",
    "\\\\a.test\\x",
    "%2fx",
    "/x#y",
    "/#",
  ].map((target) => refused(target, ["a.test"])),
  refused("*", ["a.test"], { method: "OPTIONS" }),
  refused("a.test:80", ["a.test:80"], { method: "CONNECT" }),
  refused("/x", ["a.test"], { method: "CONNECT" }),
  refused("/x", ["a.test"], { method: "TRACE" }),
  ...["/x\x7f", "/x\x01", "/\x80", "/caf\xe9", "/x\u00a0y"].map((target) => refused(target, ["a.test"])),
];

const HOSTS: readonly TargetCase[] = [
  ...[
    ...[
      "",
      " ",
      ".",
      "..",
      "a.test.",
      ".a.test",
      "a..test",
      "a.test..",
      ":80",
      "a.test:",
      "a.test:0",
      "a.test:00080",
      "a.test:65536",
    ],
    ...[
      "a.test:+80",
      "a.test:-80",
      "a.test:8o",
      "a.test:80:80",
      "a.test: 80",
      "a.test :80",
      "a.test:80 b",
      "a test",
      "a.test\tb",
    ],
    ...[
      "user@a.test",
      "user:pw@a.test",
      "@a.test",
      "a.test@",
      "a.test/x",
      "a.test/",
      "/a.test",
      "a.test?x",
      "a.test#x",
      "a.test\\x",
    ],
    ...[
      "a.test,b.test",
      "a.test, a.test",
      "a.test;b.test",
      "http://a.test",
      "//a.test",
      "a%2etest",
      "a.test%00",
      "a.test%",
      "caf\xe9.test",
    ],
    ...[
      "[::1",
      "::1",
      "[]",
      "[::1]x",
      "[::1]:",
      "[::1]:x",
      "[127.0.0.1]",
      "[::1%25eth0]",
      "[::1%eth0]",
      "[v1.x]",
      "[[::1]]",
      "[::g]",
    ],
    ...[
      '"a.test"',
      "'a.test'",
      "a.test'",
      "a$.test",
      "a!.test",
      "*.test",
      "a*.test",
      "${a}",
      "a.test\x7f",
      "a.test\x01",
      "a".repeat(256),
    ],
  ].map((host) => refused("/x", [host])),
  refused("/x", []),
  refused("/x", ["a.test", "a.test"]),
  refused("/x", ["a.test", "b.test"]),
  refused("/x", ["a.test", ""]),
  refused("/x", [], { version: "1.0" }),
];

/** All of them. */
export const TARGET_CASES: readonly TargetCase[] = [...ORIGIN, ...ABSOLUTE, ...OTHER_FORMS, ...HOSTS].filter(
  // a case is known by its name
  ({ name }, index, all) => all.findIndex((other) => other.name === name) === index,
);

/** A route for the host that an attacker would like to be taken for, so that what was matched can be told. */
export const TARGET_CONFIG = (url: string): string => `upstreams: { echo: { endpoints: ["${url}"] } }
defaults: { route: { authenticate: [anonymous] } }
routes:
  - { name: evil, match: { path: /**, hosts: [b.test, evil.test] }, upstream: echo }
  - { name: rest, match: { path: /** }, upstream: echo }
`;
