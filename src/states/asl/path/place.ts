/** Puts a result into a copy of the input at a reference path; parents that miss are created, array items must exist. */
import { runtime } from "../failure.ts";
import { isObject, printJson, put } from "../json.ts";

export function placeAt(input: unknown, steps: readonly (string | number)[], result: unknown, path: string): unknown {
  const impossible = (): Error => runtime(`Unable to apply ReferencePath ${path} to input ${printJson(input)}`);
  const place = (target: unknown, depth: number): unknown => {
    const step = steps[depth];
    if (step === undefined) return result;
    if (typeof step === "number") {
      if (!Array.isArray(target) || step >= target.length) throw impossible();
      return (target as unknown[]).with(step, place(target[step], depth + 1));
    }
    if (target !== undefined && target !== null && !isObject(target)) throw impossible();
    const copy: Record<string, unknown> = { ...target };
    put(copy, step, place(Object.hasOwn(copy, step) ? copy[step] : undefined, depth + 1));
    return copy;
  };
  return place(input, 0);
}
