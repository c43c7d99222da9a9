import { Command, Option } from "commander";
import { writeDevelopmentCertificates, type LeafWish } from "../app/development-certificates.ts";
import type { CommandIo } from "./io.ts";
import { output } from "./output.ts";

interface CertsOptions {
  readonly out: string;
  readonly name: string;
  readonly dns: readonly string[];
  readonly ip: readonly string[];
  readonly client?: true;
  readonly server?: true;
  readonly json?: true;
}

/** `sallyport certs`: a certificate for development, signed by an authority that is made when missing. */
export function certsCommand(io: CommandIo): Command {
  return new Command("certs")
    .description("Make a development certificate, and its authority when there is none yet.")
    .option("--out <dir>", "directory of the certificates", ".sallyport/certs")
    .option("--name <name>", "common name, and name of the files", "gateway")
    .addOption(new Option("--dns <name>", "DNS name it is valid for; repeatable").argParser(collect).default([], "localhost"))
    .addOption(
      new Option("--ip <address>", "IP address it is valid for; repeatable").argParser(collect).default([], "127.0.0.1, ::1"),
    )
    .addOption(new Option("--client", "for the calling side only").conflicts("server"))
    .addOption(new Option("--server", "for the called side only").conflicts("client"))
    .option("--json", "answer as JSON")
    .addHelpText(
      "after",
      "\nExamples:\n  sallyport certs --name gateway --client\n  sallyport certs --name tenancy --dns tenancy.internal --server",
    )
    .action((options: CertsOptions) => certs(options, io));
}

async function certs(options: CertsOptions, io: CommandIo): Promise<void> {
  const says = output(io, options);
  const wish = wishOf(options);
  const written = await writeDevelopmentCertificates(options.out, [wish]);
  if (!written.ok) return says.fail([written.error]);
  const { ca, leaves } = written.value;
  const [leaf] = leaves;
  if (leaf === undefined) return says.fail(["no certificate was made"]);
  says.answer(
    ({ bold }) => [
      `${ca.created ? "made " : "found"} ${bold(ca.certFile)}  development authority, valid until ${day(ca.expiresAt)}`,
      `wrote ${bold(leaf.certFile)}  ${SIDES[wish.usage]} certificate for ${[...wish.dnsNames, ...wish.ipAddresses].join(", ")}, valid until ${day(leaf.expiresAt)}`,
      `wrote ${bold(leaf.keyFile)}  its private key, for your eyes only`,
    ],
    {
      ca: { cert_file: ca.certFile, created: ca.created, expires_at: ca.expiresAt.toISOString() },
      certificate: {
        cert_file: leaf.certFile,
        key_file: leaf.keyFile,
        expires_at: leaf.expiresAt.toISOString(),
        usage: wish.usage,
        dns: wish.dnsNames,
        ip: wish.ipAddresses,
      },
    },
  );
}

const SIDES = { server: "server", client: "client", both: "server and client" } as const;

function wishOf({ name, dns, ip, client, server }: CertsOptions): LeafWish {
  const isLocal = dns.length + ip.length === 0;
  return {
    name,
    dnsNames: isLocal ? ["localhost"] : dns,
    ipAddresses: isLocal ? ["127.0.0.1", "::1"] : ip,
    usage: client === true ? "client" : server === true ? "server" : "both",
  };
}

const collect = (value: string, before: readonly string[]): readonly string[] => [...before, value];

const day = (date: Date): string => date.toISOString().slice(0, 10);
