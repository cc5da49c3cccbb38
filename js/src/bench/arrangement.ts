// How the views of a bench are arranged, as data: their order, which are hidden, which one has all the room.
// Twin of tracebench/bench/arrangement.py.

export interface Arrangement {
  /** The names of all views, first to last. */
  order: string[];
  hidden: string[];
  enlarged: string | null;
}

/** Every view by its stem; where a stem is there again, with its number. */
export function namesOf(stems: readonly string[]): string[] {
  return stems.map((stem, i) => {
    const before = stems.slice(0, i).filter((each) => each === stem).length;
    return before === 0 ? stem : `${stem}-${before + 1}`;
  });
}

/** What was kept, as far as it is about these views; null where it is not (a page of another version, say). */
export function arrangementIn(kept: unknown, names: readonly string[]): Arrangement | null {
  if (typeof kept !== "object" || kept === null) return null;
  const { order = [], hidden = [], enlarged = null } = kept as Partial<Arrangement>;
  const known = (given: unknown) => Array.isArray(given) && given.every((name) => names.includes(name));
  if (!known(order) || !known(hidden)) return null;
  if (enlarged !== null && (!names.includes(enlarged) || hidden.includes(enlarged))) return null;
  const rest = names.filter((name) => !order.includes(name));
  return { order: [...new Set([...order, ...rest])], hidden: names.filter((name) => hidden.includes(name)), enlarged };
}

/** "token_scores-2" as "token scores 2". */
export function spoken(name: string): string {
  return name.replaceAll(/[_-]/g, " ");
}

export function hide(now: Arrangement, name: string): Arrangement {
  return { ...now, hidden: [...now.hidden, name], enlarged: now.enlarged === name ? null : now.enlarged };
}

/** Who brings a view back means to see it: what has all the room gives it up. */
export function bringBack(now: Arrangement, name: string): Arrangement {
  return { ...now, hidden: now.hidden.filter((each) => each !== name), enlarged: null };
}

export function enlarge(now: Arrangement, name: string | null): Arrangement {
  return { ...now, enlarged: name };
}

/** Before another view that is in sight, or after the last of them (null); null where it stands there already. */
export function place(now: Arrangement, name: string, before: string | null): Arrangement | null {
  const inSight = now.order.filter((each) => !now.hidden.includes(each));
  if (before === name || inSight.indexOf(name) + 1 === (before === null ? inSight.length : inSight.indexOf(before))) return null;
  const order = now.order.filter((each) => each !== name);
  const last = inSight.filter((each) => each !== name).at(-1);
  const at = before === null ? order.indexOf(last ?? "") + 1 : order.indexOf(before);
  order.splice(at, 0, name);
  return { ...now, order };
}

/** One place earlier (-1) or later (1) among the views that are in sight; null at the ends. */
export function move(now: Arrangement, name: string, by: -1 | 1): Arrangement | null {
  const inSight = now.order.filter((each) => !now.hidden.includes(each));
  const other = inSight[inSight.indexOf(name) + by];
  if (other === undefined) return null;
  return place(now, name, by < 0 ? other : (inSight[inSight.indexOf(name) + 2] ?? null));
}
