/** The thread behind hashing.ts: digests pieces of several streams in the order they come. */
import { parentPort } from "node:worker_threads";
import { Digests } from "./checksums.ts";
import type { Answer, Order } from "./hashing.ts";

const streams = new Map<number, Digests>();
const answer = (what: Answer, transfer: ArrayBuffer[] = []) => parentPort?.postMessage(what, transfer);

parentPort?.on("message", (order: Order) => {
  const { stream } = order;
  if (order.kind === "begin") {
    streams.set(stream, new Digests(order.algorithms));
  } else if (order.kind === "piece") {
    streams.get(stream)?.update(new Uint8Array(order.buffer, 0, order.length));
    answer({ kind: "done", stream, buffer: order.buffer }, [order.buffer]);
  } else {
    const digests = streams.get(stream);
    streams.delete(stream);
    if (digests && !order.forget) answer({ kind: "values", stream, values: digests.values() });
  }
});
