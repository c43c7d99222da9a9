import type { BindingConfig, DescribeRequest } from "@sallyport/contract/gen/sallyport/interceptor/v1/interceptor.ts";
import { parseJson, toPlain } from "@sallyport/contract/json.ts";
import { LIMITS } from "@sallyport/contract/limits.ts";
import { type Phase, phaseFromWire } from "@sallyport/contract/phase.ts";
import { err, ok, type Result } from "@sallyport/contract/result.ts";
import type { CompiledBinding, Interceptor } from "./interceptor.ts";

/** What a Describe call said of one binding. */
export interface DescribedBinding {
  /** The operator's config, as the binding's `config` function returned it. */
  readonly config: unknown;
  readonly maxPatches: number;
  readonly maxResponseBytes: number;
  readonly gatewayVersion: string;
}

/**
 * The configs of recent Describe calls, by binding and digest, so that two gateways, or two generations of one, are
 * served side by side. Beyond 1024 the oldest is forgotten; a review that names it is refused and described again.
 */
export class DescribedConfigs {
  readonly #described = new Map<string, KnownBinding>();

  /** Takes in a Describe call, whole or, when a config is refused by the interceptor's own code, not at all. */
  remember(request: DescribeRequest, interceptor: Interceptor): Result<void> {
    const accepted = new Map<string, KnownBinding>();
    for (const entry of request.bindings) {
      const reader = interceptor.bindings.get(entry.bindingId);
      const phase = phaseFromWire(entry.phase);
      // a binding the manifest does not have is the gateway's to report: it compares the two
      if (reader === undefined || reader.binding.phase !== phase) continue;
      const config = parsedConfig(entry.configJson, reader);
      if (!config.ok) return err(`config of ${reader.id}: ${config.error}`);
      const known = {
        entry,
        gatewayVersion: request.gatewayVersion,
        described: described(entry, request.gatewayVersion, config.value),
      };
      accepted.set(keyOf(reader.id, phase, entry.configDigest), known);
    }
    for (const [key, known] of accepted) this.#store(key, known);
    return ok(undefined);
  }

  /** What was described under a digest. The empty digest is no config at all and needs no Describe. */
  find(reader: CompiledBinding, digest: string): Result<DescribedBinding> {
    const key = keyOf(reader.id, reader.binding.phase, digest);
    const known = this.#described.get(key);
    if (known !== undefined) return ok(known.described);
    if (digest !== "") return err("this config was not described here: describe again");
    const config = parsedConfig("", reader);
    if (!config.ok) return err(`no config was described, and it takes one: ${config.error}`);
    const undescribed = {
      config: config.value,
      maxPatches: LIMITS.maxPatches.fallback,
      maxResponseBytes: LIMITS.maxResponseBytes.fallback,
      gatewayVersion: "",
    };
    this.#store(key, { entry: undefined, gatewayVersion: "", described: undescribed });
    return ok(undescribed);
  }

  /** The same for another definition: what its own code accepts. */
  for(interceptor: Interceptor): DescribedConfigs {
    const next = new DescribedConfigs();
    for (const { entry, gatewayVersion } of this.#described.values()) {
      if (entry === undefined) continue;
      // one at a time: a config that is refused takes no other with it
      next.remember({ gatewayVersion, gatewayId: "", limits: undefined, bindings: [entry] }, interceptor);
    }
    return next;
  }

  #store(key: string, binding: KnownBinding): void {
    // to the end of the order: what was described last is forgotten last
    this.#described.delete(key);
    this.#described.set(key, binding);
    for (const oldest of this.#described.keys()) {
      if (this.#described.size <= MAX_DESCRIBED) return;
      this.#described.delete(oldest);
    }
  }
}

interface KnownBinding {
  /** As it came; undefined where nothing was described. */
  readonly entry: BindingConfig | undefined;
  readonly gatewayVersion: string;
  readonly described: DescribedBinding;
}

const MAX_DESCRIBED = 1024;

// a digest is the gateway's text; a line feed keeps it apart from the id
const keyOf = (id: string, phase: Phase, digest: string): string => `${phase}\n${id}\n${digest}`;

function described(entry: BindingConfig, gatewayVersion: string, config: unknown): DescribedBinding {
  return {
    config,
    maxPatches: entry.maxPatches,
    // 0 would refuse every verdict: a gateway that says nothing means the default
    maxResponseBytes: entry.maxResponseBytes === 0 ? LIMITS.maxResponseBytes.fallback : entry.maxResponseBytes,
    gatewayVersion,
  };
}

function parsedConfig(text: string, { binding }: CompiledBinding): Result<unknown> {
  const json = text === "" ? undefined : parseJson(text);
  if (json !== undefined && !json.ok) return err(`no JSON (${json.error.kind} at ${json.error.offset})`);
  try {
    return ok(binding.parseConfig(json === undefined ? undefined : toPlain(json.value)));
  } catch (thrown) {
    return err(thrown instanceof Error ? thrown.message : "refused by the interceptor");
  }
}
