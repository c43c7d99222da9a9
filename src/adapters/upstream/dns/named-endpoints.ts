import type { UpstreamPlan } from "../../../model/upstream-plan.ts";
import type { Clock } from "../../../ports/clock.ts";
import { isIpAddress } from "../../../support/ip-address.ts";
import type { EndpointAddress, EndpointClient, EndpointNames } from "../endpoint-client.ts";
import { NameAddresses, type Resolve } from "./name-addresses.ts";

interface NamingDeps {
  readonly dns: UpstreamPlan["dns"];
  readonly clock: Clock;
  readonly random: () => number;
  readonly resolve: Resolve;
  readonly signals: NameSignals;
}

/** Who tells of names, by the endpoint's place in the file. */
export interface NameSignals {
  resolved(endpoint: { readonly url: string; readonly index: number }, addresses: readonly string[]): void;
  unresolved(endpoint: { readonly url: string; readonly index: number }, reason: string): void;
  resolvedAgain(endpoint: { readonly url: string; readonly index: number }): void;
}

/** Opens endpoints whose host is a name so that the name is followed as long as they are open; an address needs nothing of it. */
export function namedEndpoints(
  open: (endpoint: EndpointAddress, names?: EndpointNames) => EndpointClient,
  { dns, clock, random, resolve, signals }: NamingDeps,
): (endpoint: EndpointAddress, index: number) => EndpointClient {
  return (endpoint, index) => {
    const host = new URL(endpoint.url).hostname;
    if (isIpAddress(host.replace(/^\[(.*)\]$/, "$1"))) return open(endpoint);
    const place = { url: endpoint.url, index };
    const names = new NameAddresses(
      { host, ...dns },
      { clock, random, resolve },
      {
        onChanged: (addresses) => {
          signals.resolved(place, addresses);
          client.addressesChanged();
        },
        onFailed: (reason) => signals.unresolved(place, reason),
        onRecovered: () => signals.resolvedAgain(place),
      },
    );
    const client = open(endpoint, names);
    return {
      get underWay() {
        return client.underWay;
      },
      send: (...sent) => client.send(...sent),
      addressesChanged: () => client.addressesChanged(),
      async [Symbol.asyncDispose]() {
        names.close();
        await client[Symbol.asyncDispose]();
      },
    };
  };
}
