import { compilePointers, type PointerSet } from "@sallyport/contract/view-field.ts";
import type { Binding } from "./binding.ts";
import { definitionIssues } from "./definition-issues.ts";
import { InterceptorDefinitionError } from "./errors.ts";
import type { InterceptorDeclaration, StateScope } from "./interceptor-declaration.ts";

/**
 * Declares an interceptor: a name and its bindings, keyed by id. The manifest is derived from it, so the two cannot
 * drift apart. Throws `InterceptorDefinitionError` with every issue at once.
 */
export function defineInterceptor<const Id extends string>(declaration: InterceptorDeclaration<Id>): Interceptor<Id> {
  const issues = definitionIssues(declaration);
  if (issues.length > 0) throw new InterceptorDefinitionError(declaration.name, issues);
  return new Interceptor(declaration);
}

/** A declared interceptor, checked and immutable. Serve it with `serve`, test it with `review` of the testing module. */
export class Interceptor<Id extends string = string> {
  readonly name: string;
  readonly version: string;
  readonly stateScope: StateScope;
  readonly bindings: ReadonlyMap<Id, CompiledBinding>;

  constructor(declaration: InterceptorDeclaration<Id>) {
    this.name = declaration.name;
    this.version = declaration.version ?? "";
    this.stateScope = declaration.stateScope ?? "none";
    const bindings = new Map<Id, CompiledBinding>();
    // the keys of a value of this type are its ids; an id is never "__proto__" (definitionIssues)
    for (const id of Object.keys(declaration.bindings) as Id[]) bindings.set(id, compiled(id, declaration.bindings[id]));
    this.bindings = bindings;
  }
}

/** A binding with its id and its pointers ready for lookups. */
export interface CompiledBinding {
  readonly id: string;
  readonly binding: Binding;
  readonly needs: PointerSet;
  readonly writes: PointerSet;
}

function compiled(id: string, declared: Binding): CompiledBinding {
  return { id, binding: declared, needs: pointerSet(declared.needs), writes: pointerSet(declared.writes) };
}

function pointerSet(pointers: readonly string[]): PointerSet {
  const set = compilePointers(pointers);
  if (set.ok) return set.value;
  throw new Error(`pointers were not checked before: ${set.error}`);
}
