import { StoreUnavailable, type Reader, type Store, type Transaction } from "../../src/store/store.ts";

/** What becomes of a write: it goes well, is refused, or is committed without anybody hearing of it. */
export type Fate = "well" | "refused" | "lost";

/** A store whose next writes meet the fates that the test names, one after the other; without one all is well. */
export class LossyStore implements Store {
  fates: Fate[] = [];
  /** While set, every write is refused. */
  away = false;
  writes = 0;
  readonly #inner: Store;
  constructor(inner: Store) {
    this.#inner = inner;
  }
  read<T>(work: (reader: Reader) => Promise<T>): Promise<T> {
    return this.#inner.read(work);
  }
  async write<T>(work: (transaction: Transaction) => Promise<T>): Promise<T> {
    this.writes++;
    const fate = this.away ? "refused" : this.fates[0];
    if (!this.away) this.fates.shift();
    if (fate === undefined || fate === "well") return this.#inner.write(work);
    if (fate === "lost") await this.#inner.write((transaction) => work(unheard(transaction)));
    throw new StoreUnavailable(`the write was ${fate}, as the test has it`);
  }
  close(): Promise<void> {
    return this.#inner.close();
  }
}

/** The same transaction, of whose commit nobody is told. */
function unheard(transaction: Transaction): Transaction {
  return new Proxy(transaction, {
    get(target, name) {
      if (name === "afterCommit") return () => undefined;
      const member = Reflect.get(target, name, target) as unknown;
      return typeof member === "function" ? (member.bind(target) as unknown) : member;
    },
  });
}
