// The arrangement of the views of a bench, as data: their order, the hidden views, and the enlarged view.
// Twin of tracebench/bench/arrangement.py.

export interface Arrangement {
  /** The names of all views, in order. */
  order: string[];
  hidden: string[];
  enlarged: string | null;
}

/** Names each view by its stem; a second view with the same stem gets a number. */
export function namesOf(stems: readonly string[]): string[] {
  return stems.map((stem, i) => {
    const before = stems.slice(0, i).filter((each) => each === stem).length;
    return before === 0 ? stem : `${stem}-${before + 1}`;
  });
}

/** The stored arrangement; null if it is none, or names views that this bench lacks. */
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

/** Shows a hidden view. No view stays enlarged, because it would cover this one. */
export function bringBack(now: Arrangement, name: string): Arrangement {
  return { ...now, hidden: now.hidden.filter((each) => each !== name), enlarged: null };
}

export function enlarge(now: Arrangement, name: string | null): Arrangement {
  return { ...now, enlarged: name };
}

/** Moves a view before another visible view, or to the end (null). Returns null if it is already there. */
export function place(now: Arrangement, name: string, before: string | null): Arrangement | null {
  const visible = now.order.filter((each) => !now.hidden.includes(each));
  if (before === name || visible.indexOf(name) + 1 === (before === null ? visible.length : visible.indexOf(before))) return null;
  const order = now.order.filter((each) => each !== name);
  const last = visible.filter((each) => each !== name).at(-1);
  const at = before === null ? order.indexOf(last ?? "") + 1 : order.indexOf(before);
  order.splice(at, 0, name);
  return { ...now, order };
}

/** Moves a view one place earlier (-1) or later (1) among the visible views. Returns null at the ends. */
export function move(now: Arrangement, name: string, by: -1 | 1): Arrangement | null {
  const visible = now.order.filter((each) => !now.hidden.includes(each));
  const other = visible[visible.indexOf(name) + by];
  if (other === undefined) return null;
  return place(now, name, by < 0 ? other : (visible[visible.indexOf(name) + 2] ?? null));
}
