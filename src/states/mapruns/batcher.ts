import { printJson, exceedsBytes, type Datum } from "../asl/json.ts";
import { PAYLOAD_BYTES_MAX, tooLarge } from "../asl/outcome.ts";
import { StateFailure } from "../asl/failure.ts";
import type { MapPlan } from "../asl/types.ts";
import type { NewChild } from "./runs.ts";

/** ItemBatcher: several items in one child's input, `{"BatchInput":…,"Items":[…]}`; without it, each item by itself. */
export async function* batched(
  items: AsyncIterable<Datum>,
  batcher: MapPlan["batcher"],
): AsyncGenerator<NewChild, undefined> {
  if (batcher === undefined) {
    for await (const item of items) yield { input: item.text, items: 1 };
    return;
  }
  const head = batcher.input === undefined ? "{" : `{"BatchInput":${printJson(batcher.input)},`;
  const most = batcher.maxItems ?? Infinity;
  const limit = Math.min(batcher.maxBytes ?? PAYLOAD_BYTES_MAX, PAYLOAD_BYTES_MAX);
  const frame = Buffer.byteLength(`${head}"Items":[]}`);
  let texts: string[] = [];
  let size = frame;
  const batch = (): NewChild => ({ input: `${head}"Items":[${texts.join(",")}]}`, items: texts.length });
  for await (const { text } of items) {
    const bytes = Buffer.byteLength(text) + 1;
    if (exceedsBytes(text, limit) || frame + bytes - 1 > limit) throw itemTooLarge();
    if (texts.length >= most || size + bytes - 1 > limit) {
      yield batch();
      texts = [];
      size = frame;
    }
    texts.push(text);
    size += bytes;
  }
  if (texts.length > 0) yield batch();
}

function itemTooLarge(): StateFailure {
  const { error = "", cause = "" } = tooLarge("ItemBatcher");
  return new StateFailure(error, cause);
}
