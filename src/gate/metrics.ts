import { createHash, timingSafeEqual } from "node:crypto";
import { monitorEventLoopDelay } from "node:perf_hooks";

/** A figure that is asked for when the metrics are read. */
export type Gauge = {
  readonly name: string;
  readonly help: string;
  readonly value: number;
  /** A gauge unless it says that it only grows. */
  readonly type?: "counter" | "gauge";
};
export type MetricsOptions = {
  /** Who sends `Authorization: Bearer TOKEN` may read the metrics. */
  readonly token?: string | undefined;
  readonly gauges?: () => Promise<readonly Gauge[]>;
};

/** Upper bounds of the latency histogram, in seconds. */
const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
type Latency = { readonly buckets: number[]; sum: number; count: number };

/** What this process did since it began, as Prometheus text. Labels come from the models, so their number is bounded. */
export class Metrics {
  readonly #options: MetricsOptions;
  readonly #requests = new Map<string, number>();
  readonly #latencies = new Map<string, Latency>();
  readonly #delay = monitorEventLoopDelay({ resolution: 20 });
  #reachable = false;
  constructor(options: MetricsOptions = {}) {
    this.#options = options;
    this.#delay.enable();
  }

  /** Told of every address that is listened on: from other machines nobody reads the metrics unasked. */
  listening(address: string): void {
    if (!/^(127\.[\d.]+|::1|localhost)$/.test(address)) this.#reachable = true;
  }
  /** Whether somebody who signed nothing may read the metrics. */
  admits(authorization: string | undefined): boolean {
    if (!this.#reachable) return true;
    const { token } = this.#options;
    if (token === undefined || token === "" || authorization === undefined) return false;
    const digest = (text: string): Buffer => createHash("sha256").update(text).digest();
    return timingSafeEqual(digest(authorization), digest(`Bearer ${token}`));
  }

  count(service: string, operation: string, status: number, ms: number): void {
    const key = `service="${service}",operation="${operation}",status="${status}"`;
    this.#requests.set(key, (this.#requests.get(key) ?? 0) + 1);
    let latency = this.#latencies.get(service);
    if (!latency) this.#latencies.set(service, (latency = { buckets: BUCKETS.map(() => 0), sum: 0, count: 0 }));
    const seconds = ms / 1000;
    latency.sum += seconds;
    latency.count++;
    const bucket = BUCKETS.findIndex((bound) => seconds <= bound);
    if (bucket >= 0) latency.buckets[bucket] = (latency.buckets[bucket] ?? 0) + 1;
  }

  async text(): Promise<string> {
    const lines: string[] = [];
    const family = (name: string, type: string, help: string): number =>
      lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`);
    family("stepwell_requests_total", "counter", "Requests answered, by service, operation and HTTP status.");
    for (const [labels, count] of this.#requests) lines.push(`stepwell_requests_total{${labels}} ${count}`);
    const name = "stepwell_request_seconds";
    family(name, "histogram", "From the arrival of a request to its answer.");
    for (const [service, { buckets, sum, count }] of this.#latencies) {
      let below = 0;
      for (const [index, bound] of BUCKETS.entries()) {
        below += buckets[index] ?? 0;
        lines.push(`${name}_bucket{service="${service}",le="${bound}"} ${below}`);
      }
      lines.push(`${name}_bucket{service="${service}",le="+Inf"} ${count}`);
      lines.push(`${name}_sum{service="${service}"} ${sum}`, `${name}_count{service="${service}"} ${count}`);
    }
    const given = (await this.#options.gauges?.()) ?? [];
    for (const { name: gauge, help, value, type = "gauge" } of [...this.#process(), ...given]) {
      family(gauge, type, help);
      lines.push(`${gauge} ${value}`);
    }
    return `${lines.join("\n")}\n`;
  }

  #process(): Gauge[] {
    const { rss, heapUsed, external } = process.memoryUsage();
    const delay = this.#delay.percentile(99) / 1e9;
    this.#delay.reset();
    return [
      { name: "stepwell_resident_bytes", help: "Memory of the process.", value: rss },
      { name: "stepwell_heap_bytes", help: "JavaScript objects.", value: heapUsed },
      { name: "stepwell_external_bytes", help: "Buffers outside the heap.", value: external },
      { name: "stepwell_uptime_seconds", help: "Since the process began.", value: Math.round(process.uptime()) },
      { name: "stepwell_loop_delay_seconds", help: "99th percentile since the last reading.", value: delay },
    ];
  }
}
