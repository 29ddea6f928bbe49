import { compileField, type CompiledField } from "./compile.ts";
import { Paths, type Slot } from "./flatten.ts";
import { consistent, fieldAccepts } from "./match.ts";
import type { Branch, Field, Matcher, Pattern, Scalar } from "./pattern.ts";

/** One field as several rules share it; its verdict on the event at hand is found once. */
type SharedField = {
  readonly key: string;
  readonly field: CompiledField;
  readonly slot: Slot;
  uses: number;
  judgedAt: number;
  accepted: boolean;
};
type IndexedRule<T> = { value: T; entries: Entry<T>[]; matchedAt: number };
/** One branch of a rule, filed where an event that matches it will come by. */
type Entry<T> = { readonly rule: IndexedRule<T>; readonly fields: readonly SharedField[]; list: Entry<T>[]; place: number };
type Bucket<T> = { mentions: number; readonly entries: Entry<T>[] };
type Shelf<T> = { readonly exact: Map<Scalar, Bucket<T>>; readonly present: Entry<T>[] };

/**
 * The rules of a bus, filed so that an event meets few of them: every branch of a pattern lies under one value of its
 * most selective exact field (the one that fewest other branches mention; `detail.requestParameters.bucketName` in the
 * tutorial's rules), or, having no exact field, under a field that must be present. Matching looks up the event's own
 * values, so its cost does not grow with the number of rules. Rules come and go one at a time.
 */
export class RuleIndex<T> {
  readonly #paths = new Paths();
  readonly #rules = new Map<string, IndexedRule<T>>();
  readonly #fields = new Map<string, SharedField>();
  readonly #shelves = new Map<Slot, Shelf<T>>();
  /** Branches that are satisfied by absence alone. */
  readonly #always: Entry<T>[] = [];
  #event = 0;

  get size(): number {
    return this.#rules.size;
  }

  /** Adds a rule, or replaces the one of this name. */
  add(name: string, pattern: Pattern, value: T): void {
    this.remove(name);
    const rule: IndexedRule<T> = { value, entries: [], matchedAt: 0 };
    this.#rules.set(name, rule);
    for (const branch of pattern.branches) rule.entries.push(this.#file(rule, branch));
  }

  /** Changes what a match answers, without touching the pattern. False if there is no such rule. */
  replaceValue(name: string, value: T): boolean {
    const rule = this.#rules.get(name);
    if (rule) rule.value = value;
    return rule !== undefined;
  }

  remove(name: string): void {
    const rule = this.#rules.get(name);
    if (!rule) return;
    this.#rules.delete(name);
    for (const entry of rule.entries) {
      const last = entry.list.pop();
      if (last && last !== entry) {
        entry.list[entry.place] = last;
        last.place = entry.place;
      }
      for (const field of entry.fields) this.#release(field);
    }
  }

  /** The values of the rules that the event matches. */
  match(event: Readonly<Record<string, unknown>>): T[] {
    this.#event++;
    const matched: T[] = [];
    for (const slot of this.#paths.read(event)) {
      const shelf = this.#shelves.get(slot);
      if (!shelf) continue;
      for (const value of slot.values) {
        const bucket = shelf.exact.get(value);
        if (bucket && bucket.entries.length > 0) this.#try(bucket.entries, matched);
      }
      if (shelf.present.length > 0) this.#try(shelf.present, matched);
    }
    if (this.#always.length > 0) this.#try(this.#always, matched);
    return matched;
  }

  #try(entries: readonly Entry<T>[], matched: T[]): void {
    for (const { rule, fields } of entries) {
      if (rule.matchedAt === this.#event || !this.#accepts(fields)) continue;
      rule.matchedAt = this.#event;
      matched.push(rule.value);
    }
  }

  #accepts(fields: readonly SharedField[]): boolean {
    let inArrays = 0;
    for (const shared of fields) {
      if (shared.judgedAt !== this.#event) {
        shared.judgedAt = this.#event;
        shared.accepted = fieldAccepts(shared.field, shared.slot.values);
      }
      if (!shared.accepted) return false;
      if (shared.slot.memberships[0] !== undefined || shared.slot.values.length > 1) inArrays++;
    }
    return inArrays < 2 || consistent(fields);
  }

  #file(rule: IndexedRule<T>, branch: Branch): Entry<T> {
    const fields = branch.map((field) => this.#share(field));
    const key = this.#mostSelective(fields);
    let list = this.#always;
    if (key) list = this.#shelf(key.slot).present;
    // A field with several values is filed under each of them by way of one entry a value; the rule answers once.
    if (key?.field.indexable) {
      const [first, ...others] = new Set(key.field.values);
      for (const value of others) rule.entries.push(this.#place(rule, this.#again(fields), this.#bucket(key.slot, value).entries));
      list = this.#bucket(key.slot, first ?? null).entries;
    }
    return this.#place(rule, fields, list);
  }

  #place(rule: IndexedRule<T>, fields: readonly SharedField[], list: Entry<T>[]): Entry<T> {
    const entry: Entry<T> = { rule, fields, list, place: list.length };
    list.push(entry);
    return entry;
  }

  #again(fields: readonly SharedField[]): readonly SharedField[] {
    for (const field of fields) {
      field.uses++;
      this.#mention(field, 1);
    }
    return fields;
  }

  /** The exact field whose values the fewest branches mention; the deeper path if that is a tie. Else any field that cannot be absent. */
  #mostSelective(fields: readonly SharedField[]): SharedField | undefined {
    let best: { readonly shared: SharedField; readonly mentions: number; readonly depth: number } | undefined;
    for (const shared of fields) {
      if (!shared.field.indexable) continue;
      let mentions = 0;
      for (const value of shared.field.values) mentions += this.#bucket(shared.slot, value).mentions;
      const depth = shared.field.path.split(".").length;
      if (!best || mentions < best.mentions || (mentions === best.mentions && depth >= best.depth))
        best = { shared, mentions, depth };
    }
    return best?.shared ?? fields.find((shared) => !shared.field.absent);
  }

  #share(field: Field): SharedField {
    const key = fieldKey(field);
    let shared = this.#fields.get(key);
    if (!shared) {
      shared = { key, field: compileField(field), slot: this.#paths.want(field.path), uses: 0, judgedAt: 0, accepted: false };
      this.#fields.set(key, shared);
    }
    shared.uses++;
    this.#mention(shared, 1);
    return shared;
  }

  #release(shared: SharedField): void {
    this.#mention(shared, -1);
    if (--shared.uses > 0) return;
    this.#fields.delete(shared.key);
    this.#paths.release(shared.slot);
    if (shared.slot.wanted === 0) this.#shelves.delete(shared.slot);
  }

  #mention(shared: SharedField, by: 1 | -1): void {
    if (!shared.field.indexable) return;
    for (const value of shared.field.values) {
      const bucket = this.#bucket(shared.slot, value);
      bucket.mentions += by;
      if (bucket.mentions === 0) this.#shelf(shared.slot).exact.delete(value);
    }
  }

  #bucket(slot: Slot, value: Scalar): Bucket<T> {
    const { exact } = this.#shelf(slot);
    let bucket = exact.get(value);
    if (!bucket) {
      bucket = { mentions: 0, entries: [] };
      exact.set(value, bucket);
    }
    return bucket;
  }

  #shelf(slot: Slot): Shelf<T> {
    let shelf = this.#shelves.get(slot);
    if (!shelf) {
      shelf = { exact: new Map(), present: [] };
      this.#shelves.set(slot, shelf);
    }
    return shelf;
  }
}

function fieldKey({ path, alternatives }: Field): string {
  return `${path}\n${alternatives.map(matcherKey).join("\n")}`;
}

/** The same text for matchers that mean the same. */
function matcherKey(matcher: Matcher): string {
  switch (matcher.kind) {
    case "exact":
      return JSON.stringify(matcher.value);
    case "exists":
      return `exists ${matcher.value}`;
    case "folded":
      return `folded ${matcher.at} ${JSON.stringify(matcher.text)}`;
    case "anything but":
      return `but ${matcher.of.map(matcherKey).join(",")}`;
    default:
      return `${matcher.kind} ${JSON.stringify(matcher.text)}`;
  }
}
