import { loadModel, type Model, type Reference } from "../../wire/model.ts";

const models = new Map<string, Model>();

/** A service's model, read once. */
export function modelOf(name: string): Model {
  let model = models.get(name);
  if (!model) {
    model = loadModel(name);
    models.set(name, model);
  }
  return model;
}

const maps = new Map<string, readonly string[]>();

/** Members of an operation's output that are gathered from headers: the SDK gives an empty map where there are none. */
export function headerMaps(name: string, operation: string): readonly string[] {
  const key = `${name}:${operation}`;
  let found = maps.get(key);
  if (!found) {
    const model = modelOf(name);
    const shape = named(model.operations[operation]?.[2]);
    const row = shape === undefined ? undefined : model.shapes[shape];
    found =
      row?.[0] === 3
        ? row[2].filter((_, i) => {
            const member = row[3][i];
            return (
              typeof member === "object" && typeof member[1] === "object" && member[1].httpPrefixHeaders !== undefined
            );
          })
        : [];
    maps.set(key, found);
  }
  return found;
}

function named(reference: Reference | undefined): string | undefined {
  if (typeof reference === "string") return reference;
  return typeof reference === "object" ? named(reference[0]) : undefined;
}
