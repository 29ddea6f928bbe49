/** The id of an installation, by which it knows the place of its blobs again. It is made once, by whichever node starts first. */
import type { Reader, Store, Transaction } from "./store.ts";

const NAME = "installation";

/** By the primary key of iam_installation. */
async function known(reader: Reader): Promise<string | undefined> {
  const sql = "select value from iam_installation where name = $1";
  return (await reader.get<{ value: string }>(sql, [NAME]))?.value;
}

export async function installationOf(store: Store, fresh: string): Promise<string> {
  const id = await store.read(known);
  if (id !== undefined) return id;
  return store.write(async (transaction) => {
    const sql = "insert into iam_installation (name, value) values ($1, $2) on conflict (name) do nothing";
    await transaction.run(sql, [NAME, fresh]);
    return (await known(transaction)) ?? fresh;
  });
}

/** By the primary key of iam_installation: what was copied is another installation than what it was copied from. */
export async function renewInstallation(transaction: Transaction, fresh: string): Promise<void> {
  const sql =
    "insert into iam_installation (name, value) values ($1, $2) on conflict (name) do update set value = excluded.value";
  await transaction.run(sql, [NAME, fresh]);
}
