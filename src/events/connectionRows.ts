import type { Reader, Transaction } from "../store/store.ts";

export type ConnectionRow = {
  readonly account: string;
  readonly region: string;
  readonly name: string;
  readonly arn: string;
  readonly description: string | null;
  readonly state: "AUTHORIZED" | "DEAUTHORIZED";
  readonly type: "BASIC" | "API_KEY";
  readonly secret_arn: string;
  /** JSON of the AuthParameters as they were given; null once deauthorised. */
  readonly secrets: string | null;
  readonly created_at: number;
  readonly modified_at: number;
  readonly authorized_at: number;
};
type Place = Pick<ConnectionRow, "account" | "region" | "name">;

const COLUMNS =
  "account, region, name, arn, description, state, type, secret_arn, secrets, created_at, modified_at, authorized_at";

/** By the primary key. */
export function connectionByName(reader: Reader, place: Place): Promise<ConnectionRow | undefined> {
  return reader.get<ConnectionRow>(
    `select ${COLUMNS} from events_connection where account = $1 and region = $2 and name = $3`,
    [place.account, place.region, place.name],
  );
}

/** Walks the primary key from a name on. */
export function connectionsAfter(reader: Reader, after: Place, limit: number): Promise<ConnectionRow[]> {
  return reader.all<ConnectionRow>(
    `select ${COLUMNS} from events_connection where account = $1 and region = $2 and name > $3 order by name limit $4`,
    [after.account, after.region, after.name, limit],
  );
}

/** By the primary key. */
export function putConnection(transaction: Transaction, row: ConnectionRow): Promise<number> {
  return transaction.run(
    `insert into events_connection (${COLUMNS}) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) on conflict (account, region, name) do update set description = excluded.description, state = excluded.state, type = excluded.type, secrets = excluded.secrets, modified_at = excluded.modified_at, authorized_at = excluded.authorized_at`,
    [
      row.account,
      row.region,
      row.name,
      row.arn,
      row.description,
      row.state,
      row.type,
      row.secret_arn,
      row.secrets,
      row.created_at,
      row.modified_at,
      row.authorized_at,
    ],
  );
}

/** By the primary key. */
export function deleteConnectionRow(transaction: Transaction, place: Place): Promise<number> {
  return transaction.run("delete from events_connection where account = $1 and region = $2 and name = $3", [
    place.account,
    place.region,
    place.name,
  ]);
}
