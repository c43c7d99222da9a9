import { Secret } from "../../model/secret.ts";
import { err, ok, type Result } from "../../model/result.ts";
import { readBounded, type ReadBytes } from "../files/read-bounded.ts";
import { WatchedFiles, type WatchedFilesOptions } from "../files/watched-files.ts";
import { bundleProblem, certificateProblem } from "./check-pem.ts";
import { isSamePrivateKey } from "./private-key.ts";

const MAX_PEM_BYTES = 1024 * 1024;

/** Which files; certificate and key only together. */
export interface PemFileNames {
  readonly pair?: { readonly certFile: string; readonly keyFile: string };
  readonly caFile?: string;
}

/** What the files hold: checked, fit to be given to a TLS stack. */
export interface PemMaterial {
  readonly pair: { readonly certPem: string; readonly keyPem: Secret } | undefined;
  /** Undefined without a `caFile`: the system's authorities apply. */
  readonly caPem: string | undefined;
}

/** Reads and checks certificate, key and authorities: they parse, belong together and are valid at `nowMs` (epoch). Every problem, each naming its file. `read`: from where; the disk by default. */
export async function readPemFiles(
  files: PemFileNames,
  nowMs: number,
  read: ReadBytes = readBounded,
): Promise<Result<PemMaterial, readonly string[]>> {
  const pair = files.pair === undefined ? ok(undefined) : await readPair(files.pair, nowMs, read);
  const ca = files.caFile === undefined ? ok(undefined) : await readBundle(files.caFile, nowMs, read);
  if (pair.ok && ca.ok) return ok({ pair: pair.value, caPem: ca.value });
  return err([pair, ca].flatMap((read) => (read.ok ? [] : [read.error])));
}

/** The last good content of some PEM files. */
export interface PemSource extends AsyncDisposable {
  /** Resolves when changes from now on are noticed at once. */
  readonly ready: Promise<void>;
  current(): PemMaterial;
}

export interface PemSourceOptions extends Omit<WatchedFilesOptions, "onChange"> {
  /** New content passed every check and is what `current` gives. */
  readonly onChange: (material: PemMaterial) => void;
  /** New content did not; `current` stays as it was. A pair of which only one file is written yet ends here, and the next change mends it. */
  readonly onRejected: (problems: readonly string[]) => void;
}

/** Reads the files, then follows them. An error here is one of `readPemFiles`. */
export async function watchedPemFiles(
  files: PemFileNames,
  options: PemSourceOptions,
): Promise<Result<PemSource, readonly string[]>> {
  const { clock } = options;
  const first = await readPemFiles(files, clock.wallMs());
  if (!first.ok) return first;
  let material = first.value;
  const paths = [
    ...(files.pair === undefined ? [] : [files.pair.certFile, files.pair.keyFile]),
    ...(files.caFile === undefined ? [] : [files.caFile]),
  ];
  const read = async (): Promise<void> => {
    const next = await readPemFiles(files, clock.wallMs());
    if (!next.ok) return options.onRejected(next.error);
    if (isSame(next.value, material)) return;
    material = next.value;
    options.onChange(material);
  };
  // one after the other: an older reading must not come last
  let turn = Promise.resolve();
  const readInTurn = (): Promise<void> => (turn = turn.then(read));
  const watched = new WatchedFiles(paths, { ...options, onChange: () => void readInTurn() });
  await watched.follow(paths);
  // written between the first reading and now: seen here, and never as a change later
  await readInTurn();
  return ok({ ready: watched.ready, current: () => material, [Symbol.asyncDispose]: () => watched[Symbol.asyncDispose]() });
}

async function readPair(
  files: { readonly certFile: string; readonly keyFile: string },
  nowMs: number,
  read: ReadBytes,
): Promise<Result<PemMaterial["pair"], string>> {
  const cert = await read(files.certFile, MAX_PEM_BYTES);
  if (!cert.ok) return cert;
  const key = await read(files.keyFile, MAX_PEM_BYTES);
  if (!key.ok) return key;
  const pair = { certPem: cert.value.toString("utf8"), keyPem: new Secret(key.value.toString("utf8")) };
  const problem = certificateProblem({ ...files, ...pair }, nowMs);
  return problem === undefined ? ok(pair) : err(problem);
}

async function readBundle(caFile: string, nowMs: number, read: ReadBytes): Promise<Result<string, string>> {
  const bundle = await read(caFile, MAX_PEM_BYTES);
  if (!bundle.ok) return bundle;
  const caPem = bundle.value.toString("utf8");
  const problem = bundleProblem(caFile, caPem, nowMs);
  return problem === undefined ? ok(caPem) : err(problem);
}

const isSame = (one: PemMaterial, other: PemMaterial): boolean =>
  one.caPem === other.caPem &&
  one.pair?.certPem === other.pair?.certPem &&
  isSamePrivateKey(one.pair?.keyPem, other.pair?.keyPem);
