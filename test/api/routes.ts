import { definitions } from '../../src/api/definitions.ts';
import type { RouteDefinition } from '../../src/api/route.ts';

/** A definition of whatever route. */
export type AnyDefinition = RouteDefinition;

/** Every route that the pool has. */
export const allRoutes: readonly AnyDefinition[] = Object.values(definitions).flatMap((group) =>
  Object.values(group as Readonly<Record<string, AnyDefinition>>),
);

/** A path with something in place of its params. */
export function filled(path: string, params: Readonly<Record<string, string>> = {}): string {
  return path.replaceAll(/\{(\w+)\}/g, (_, name: string) => params[name] ?? 'nothing');
}
