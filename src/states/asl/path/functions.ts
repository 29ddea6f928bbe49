/** The functions at the end of a path, as Jayway's JsonPath computes them. */
import { isObject, numberOf, printJson } from "../json.ts";

/** The values that a function gives of a model and its arguments: one, or none where it cannot. */
export function pathFunction(name: string, model: unknown, given: readonly unknown[]): readonly unknown[] {
  switch (name) {
    case "length":
    case "size":
      return [sizeOf(given.length > 0 ? given[0] : model)];
    case "keys":
      return [isObject(model) ? Object.keys(model) : null];
    case "first":
      return at(model, 0);
    case "last":
      return at(model, -1);
    case "index":
      return at(model, numberOf(given[0]) ?? Number.NaN);
    case "append":
      return [Array.isArray(model) ? [...(model as unknown[]), ...given] : model];
    case "concat":
      return [
        [...listOf(model), ...given.flat()]
          .filter((part) => part !== undefined)
          .map(text)
          .join(""),
      ];
    default:
      return aggregate(name, [...listOf(model), ...given.flat()]);
  }
}

/** Only arrays and objects have a length; of a text it is null. */
function sizeOf(value: unknown): number | null {
  return Array.isArray(value) ? value.length : isObject(value) ? Object.keys(value).length : null;
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? (value as unknown[]) : [];
}

function at(model: unknown, index: number): readonly unknown[] {
  const list = listOf(model);
  const place = index < 0 ? list.length + index : index;
  return place >= 0 && place < list.length ? [list[place]] : [];
}

function text(value: unknown): string {
  return typeof value === "string" ? value : printJson(value);
}

/** Java computes with doubles and prints them with their fraction: the sum of 1 and 2 is 3.0. */
function aggregate(name: string, values: readonly unknown[]): readonly unknown[] {
  const numbers = values.map(numberOf).filter((number) => number !== undefined);
  if (numbers.length === 0) return [];
  const result = compute(name, numbers);
  return [Number.isInteger(result) && Math.abs(result) < 1e7 ? JSON.rawJSON(`${result}.0`) : result];
}

function compute(name: string, numbers: readonly number[]): number {
  const sum = numbers.reduce((total, number) => total + number, 0);
  if (name === "sum") return sum;
  if (name === "min") return numbers.reduce((least, number) => Math.min(least, number));
  if (name === "max") return numbers.reduce((most, number) => Math.max(most, number));
  const mean = sum / numbers.length;
  if (name === "avg") return mean;
  return Math.sqrt(numbers.reduce((total, number) => total + (number - mean) ** 2, 0) / numbers.length);
}
