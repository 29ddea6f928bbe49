import type { Reader, Store } from "./store.ts";

type Gauge = {
  readonly name: string;
  readonly help: string;
  readonly value: number;
  readonly type?: "counter" | "gauge";
};
/** Rows counted at most: beyond that there are many, however many. */
const MOST = 10_000;

/** What the store did since the process began, how many executions are open in the whole installation, and what others read from it. */
export async function storeGauges(
  store: Store,
  others: (reader: Reader) => Promise<readonly Gauge[]>,
): Promise<readonly Gauge[]> {
  const { groups, transactions } = store.commits ?? { groups: 0, transactions: 0 };
  // By the index states_execution_open, which holds no others.
  const sql =
    "select count(*) as open from (select machine from states_execution where status = 'RUNNING' limit $1) as counted";
  const row = await store.read((reader) => reader.get<{ open: number }>(sql, [MOST]));
  return [
    ...(await store.read(others)),
    { name: "stepwell_store_commits_total", help: "Durable commits.", value: groups, type: "counter" },
    {
      name: "stepwell_store_transactions_total",
      help: "Transactions in them: several callers share a commit.",
      value: transactions,
      type: "counter",
    },
    {
      name: "stepwell_executions_open",
      help: `Executions RUNNING, up to ${MOST}.`,
      value: Number(row?.open ?? 0),
      type: "gauge",
    },
  ];
}
