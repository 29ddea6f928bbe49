/** `Transform.RequestBodyEncoding: URL_ENCODED`: JSON as the fields of a form. */
import { isObject } from "../asl/json.ts";

/** How AWS writes the items of an array: `a[0]=1&a[1]=2` unless asked otherwise. */
export function formOf(value: unknown, arrayFormat: unknown): string {
  const fields: string[] = [];
  const add = (name: string, text: string): void => {
    fields.push(`${encodeURIComponent(name)}=${encodeURIComponent(text)}`);
  };
  const walk = (name: string, item: unknown): void => {
    if (Array.isArray(item)) {
      const items = item as readonly unknown[];
      if (arrayFormat === "COMMAS") add(name, items.map(textOf).join(","));
      else
        for (const [i, one] of items.entries())
          walk(arrayFormat === "REPEAT" ? name : arrayFormat === "BRACKETS" ? `${name}[]` : `${name}[${i}]`, one);
    } else if (isObject(item)) for (const [key, one] of Object.entries(item)) walk(`${name}[${key}]`, one);
    else add(name, textOf(item));
  };
  if (isObject(value)) for (const [key, item] of Object.entries(value)) walk(key, item);
  return fields.join("&");
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : value === null ? "" : JSON.stringify(value);
}
