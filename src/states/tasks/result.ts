import { PAYLOAD_LIMIT_BYTES } from "../input.ts";
import { TaskFailed } from "./failure.ts";

/** A task's result as JSON text; AWS fails a task whose result is too large. */
export function resultText(document: unknown, resourceType: string): string {
  const text = JSON.stringify(document ?? {});
  if (text.length * 3 > PAYLOAD_LIMIT_BYTES && Buffer.byteLength(text) > PAYLOAD_LIMIT_BYTES)
    throw tooLarge(resourceType);
  return text;
}

/** Reads the streams among an output's members, as far as a result may be long; the rest of the stream is let go. */
export async function withStreamsRead(output: unknown, resourceType: string): Promise<unknown> {
  if (typeof output !== "object" || output === null) return output;
  let read: Record<string, unknown> | undefined;
  for (const [name, value] of Object.entries(output)) {
    if (!isStream(value)) continue;
    read ??= { ...output };
    read[name] = await collected(value, resourceType);
  }
  return read ?? output;
}

function isStream(value: unknown): value is AsyncIterable<Uint8Array> {
  return typeof value === "object" && value !== null && !(value instanceof Uint8Array) && Symbol.asyncIterator in value;
}

async function collected(stream: AsyncIterable<Uint8Array>, resourceType: string): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of stream) {
    size += chunk.length;
    if (size > PAYLOAD_LIMIT_BYTES) throw tooLarge(resourceType);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function tooLarge(resourceType: string): TaskFailed {
  return new TaskFailed(
    "States.DataLimitExceeded",
    `The state/task '${resourceType}' returned a result with a size exceeding the maximum number of bytes service limit.`,
  );
}
