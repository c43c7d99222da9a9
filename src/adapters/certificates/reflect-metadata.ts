type Metadata = Map<unknown, unknown>;

/**
 * The X.509 library finds its parts through decorators and asks for the metadata functions on `Reflect` that never became part
 * of the language. These are the four it calls, for classes only. Where a fuller set is present already it is left alone.
 */
export function provideReflectMetadata(): void {
  if ("getMetadata" in Reflect) return;
  const ofTarget = new WeakMap<object, Metadata>();

  const getOwnMetadata = (name: unknown, target: object): unknown => ofTarget.get(target)?.get(name);
  const defineMetadata = (name: unknown, value: unknown, target: object): void => {
    const known = ofTarget.get(target) ?? new Map<unknown, unknown>();
    ofTarget.set(target, known.set(name, value));
  };
  const getMetadata = (name: unknown, target: object): unknown => {
    for (let owner: object | null = target; owner !== null; owner = Reflect.getPrototypeOf(owner)) {
      if (ofTarget.get(owner)?.has(name) === true) return getOwnMetadata(name, owner);
    }
    return undefined;
  };
  const metadata = (name: unknown, value: unknown) => (target: object) => defineMetadata(name, value, target);
  for (const [name, value] of Object.entries({ getOwnMetadata, defineMetadata, getMetadata, metadata })) {
    Object.defineProperty(Reflect, name, { value, configurable: true, writable: true });
  }
}
