import { compileField, type CompiledField } from "./compile.ts";
import { Paths, type Slot } from "./flatten.ts";
import { consistent, fieldAccepts } from "./match.ts";
import type { Branch, Field, Matcher, Pattern, Scalar } from "./pattern.ts";

/** One field as several rules share it; its verdict on the event at hand is found once. */
type SharedField = {
  readonly key: string;
  readonly number: number;
  readonly field: CompiledField;
  readonly slot: Slot;
  /** Holders: conjunctions, and entries filed under it. */
  uses: number;
  /** How many branches say this. */
  branches: number;
  judgedAt: number;
  accepted: boolean;
};
/** Fields that the same rules have in common; judged once an event. */
type Conjunction = {
  readonly key: string;
  readonly fields: readonly SharedField[];
  uses: number;
  judgedAt: number;
  accepted: boolean;
};
type IndexedRule<T> = { readonly entries: Entry<T>[]; matchedAt: number };
/** One branch of a rule, filed where an event that matches it will come by. */
type Entry<T> = {
  /** What a match answers: here and not in the rule, because each object touched costs a cache miss when rules are many. */
  value: T;
  readonly rest: Conjunction;
  /** Undefined while this is the rule's only entry, which cannot match twice. */
  siblings: IndexedRule<T> | undefined;
  /** The field under whose value the entry is filed, if it is; finding the entry has proved it. */
  readonly key: SharedField | undefined;
  readonly home: Home<T>;
  place: number;
  /** The last event it matched: an array may hold the value it is filed under twice. */
  matchedAt: number;
};
/** Where entries are filed. The first one has its own member: mostly it is the only one. */
type Home<T> = { first: Entry<T> | undefined; readonly more: Entry<T>[]; mentions: number };
type Shelf<T> = { readonly exact: Map<Scalar, Home<T>>; readonly present: Home<T> };

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
  readonly #conjunctions = new Map<string, Conjunction>();
  readonly #shelves = new Map<Slot, Shelf<T>>();
  /** Branches that are satisfied by absence alone. */
  readonly #always: Home<T> = emptyHome();
  #event = 0;
  #fieldNumber = 0;

  get size(): number {
    return this.#rules.size;
  }

  /** Adds a rule, or replaces the one of this name. */
  add(name: string, pattern: Pattern, value: T): void {
    this.remove(name);
    const rule: IndexedRule<T> = { entries: [], matchedAt: 0 };
    this.#rules.set(name, rule);
    for (const branch of pattern.branches) this.#file(rule, branch, value);
    if (rule.entries.length > 1) for (const entry of rule.entries) entry.siblings = rule;
  }

  /** Changes what a match answers, without touching the pattern. False if there is no such rule. */
  replaceValue(name: string, value: T): boolean {
    const rule = this.#rules.get(name);
    for (const entry of rule?.entries ?? []) entry.value = value;
    return rule !== undefined;
  }

  remove(name: string): void {
    const rule = this.#rules.get(name);
    if (!rule) return;
    this.#rules.delete(name);
    for (const entry of rule.entries) {
      takeOut(entry);
      for (const shared of entry.rest.fields) shared.branches--;
      if (entry.key) {
        entry.key.branches--;
        this.#release(entry.key);
      }
      this.#leave(entry.rest);
    }
  }

  /** The values of the rules that the event matches. */
  match(event: Readonly<Record<string, unknown>>): T[] {
    this.#event++;
    const matched: T[] = [];
    for (const slot of this.#paths.read(event)) {
      const shelf = this.#shelves.get(slot);
      if (!shelf) continue;
      const arrays = inArray(slot);
      if (shelf.exact.size > 0) {
        for (let index = 0; index < slot.count; index++) {
          const home = shelf.exact.get(slot.values[index] as Scalar);
          if (home?.first) this.#try(home, home.first, arrays, matched);
        }
      }
      if (shelf.present.first) this.#try(shelf.present, shelf.present.first, false, matched);
    }
    if (this.#always.first) this.#try(this.#always, this.#always.first, false, matched);
    return matched;
  }

  #try(home: Home<T>, first: Entry<T>, arrays: boolean, matched: T[]): void {
    this.#tryEntry(first, arrays, matched);
    for (const entry of home.more) this.#tryEntry(entry, arrays, matched);
  }

  #tryEntry(entry: Entry<T>, arrays: boolean, matched: T[]): void {
    const { rest, siblings } = entry;
    if (entry.matchedAt === this.#event || siblings?.matchedAt === this.#event) return;
    if (rest.judgedAt !== this.#event) {
      rest.judgedAt = this.#event;
      rest.accepted = this.#judge(rest.fields);
    }
    // Only values inside arrays can contradict each other.
    if (!rest.accepted || (arrays && entry.key && !consistent([entry.key, ...rest.fields]))) return;
    entry.matchedAt = this.#event;
    if (siblings) siblings.matchedAt = this.#event;
    matched.push(entry.value);
  }

  #judge(fields: readonly SharedField[]): boolean {
    let inArrays = 0;
    for (const shared of fields) {
      if (shared.judgedAt !== this.#event) {
        shared.judgedAt = this.#event;
        shared.accepted = fieldAccepts(shared.field, shared.slot);
      }
      if (!shared.accepted) return false;
      if (inArray(shared.slot)) inArrays++;
    }
    return inArrays < 2 || consistent(fields);
  }

  #file(rule: IndexedRule<T>, branch: Branch, value: T): void {
    const fields = branch.map((field) => this.#share(field));
    const best = this.#mostSelective(fields);
    if (best?.field.indexable) {
      const rest = fields.filter((shared) => shared !== best);
      for (const filed of new Set(best.field.values)) {
        this.#hold(best).branches++;
        this.#place(rule, best, rest, this.#home(best.slot, filed), value);
      }
    } else this.#place(rule, undefined, fields, best ? this.#shelf(best.slot).present : this.#always, value);
    for (const shared of fields) this.#release(shared);
  }

  #place(
    rule: IndexedRule<T>,
    key: SharedField | undefined,
    rest: readonly SharedField[],
    home: Home<T>,
    value: T,
  ): void {
    const place = home.first ? home.more.length + 1 : 0;
    const entry: Entry<T> = { value, rest: this.#join(rest), siblings: undefined, key, home, place, matchedAt: 0 };
    for (const shared of rest) shared.branches++;
    if (place === 0) home.first = entry;
    else home.more.push(entry);
    rule.entries.push(entry);
  }

  /** A conjunction holds each of its fields once, and the rules share it. */
  #join(fields: readonly SharedField[]): Conjunction {
    const key = fields.map((shared) => shared.number).join(",");
    let joined = this.#conjunctions.get(key);
    if (!joined) {
      joined = { key, fields, uses: 0, judgedAt: 0, accepted: false };
      this.#conjunctions.set(key, joined);
      for (const shared of fields) this.#hold(shared);
    }
    joined.uses++;
    return joined;
  }

  #leave(joined: Conjunction): void {
    if (--joined.uses > 0) return;
    this.#conjunctions.delete(joined.key);
    for (const shared of joined.fields) this.#release(shared);
  }

  /** The exact field whose values the fewest branches mention; the deeper path if that is a tie. Else any field that cannot be absent. */
  #mostSelective(fields: readonly SharedField[]): SharedField | undefined {
    let best: { readonly shared: SharedField; readonly mentions: number; readonly depth: number } | undefined;
    for (const shared of fields) {
      if (!shared.field.indexable) continue;
      let mentions = shared.branches;
      for (const value of shared.field.values) mentions += this.#home(shared.slot, value).more.length;
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
      const number = ++this.#fieldNumber;
      shared = {
        key,
        number,
        field: compileField(field),
        slot: this.#paths.want(field.path),
        uses: 0,
        branches: 0,
        judgedAt: 0,
        accepted: false,
      };
      this.#fields.set(key, shared);
      this.#mention(shared, 1);
    }
    return this.#hold(shared);
  }

  #hold(shared: SharedField): SharedField {
    shared.uses++;
    return shared;
  }

  #release(shared: SharedField): void {
    if (--shared.uses > 0) return;
    this.#mention(shared, -1);
    this.#fields.delete(shared.key);
    this.#paths.release(shared.slot);
    if (shared.slot.wanted === 0) this.#shelves.delete(shared.slot);
  }

  #mention(shared: SharedField, by: 1 | -1): void {
    if (!shared.field.indexable) return;
    for (const value of shared.field.values) {
      const home = this.#home(shared.slot, value);
      home.mentions += by;
      if (home.mentions === 0) this.#shelf(shared.slot).exact.delete(value);
    }
  }

  #home(slot: Slot, value: Scalar): Home<T> {
    const { exact } = this.#shelf(slot);
    let home = exact.get(value);
    if (!home) {
      home = emptyHome();
      exact.set(value, home);
    }
    return home;
  }

  #shelf(slot: Slot): Shelf<T> {
    let shelf = this.#shelves.get(slot);
    if (!shelf) {
      shelf = { exact: new Map(), present: emptyHome() };
      this.#shelves.set(slot, shelf);
    }
    return shelf;
  }
}

function emptyHome<T>(): Home<T> {
  return { first: undefined, more: [], mentions: 0 };
}

function takeOut<T>({ home, place }: Entry<T>): void {
  const last = home.more.pop() ?? home.first;
  if (last === undefined || last.place === place) {
    if (place === 0) home.first = undefined;
    return;
  }
  last.place = place;
  if (place === 0) home.first = last;
  else home.more[place - 1] = last;
}

function inArray(slot: Slot): boolean {
  return slot.count > 1 || slot.memberships[0] !== undefined;
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
