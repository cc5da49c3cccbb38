// How far a text scrolls, so that as much as possible of what is looked at is in sight.

export interface Spot {
  top: number;
  bottom: number;
  /** How much it is worth to be seen. */
  worth: number;
}

export interface Window {
  /** How far it is scrolled now. */
  now: number;
  /** The height that is seen, and that of everything. */
  room: number;
  whole: number;
  /** What fades at an edge that has more behind it. */
  fade: number;
}

/** Beside what is in sight, so that it does not touch the edge. */
const MARGIN = 8;
/** A text that is read stays where it is for less. */
const GAIN = 1.25;

/** Where the spots in sight are worth most; where it is now unless that is worth a quarter more. */
export function scrolledTo(spots: readonly Spot[], { now, room, whole, fade }: Window): number {
  const most = Math.max(0, whole - room);
  const within = (at: number) => Math.min(most, Math.max(0, at));
  const worth = (at: number) => {
    const first = at > 0 ? at + fade : 0;
    const last = at + room - (at < most ? fade : 0);
    return spots.filter(({ top, bottom }) => top >= first && bottom <= last).reduce((sum, each) => sum + each.worth, 0);
  };
  const places = spots.flatMap(({ top, bottom }) => [top - fade - MARGIN, bottom - room + fade + MARGIN]);
  let best = within(now);
  let value = worth(best) * GAIN;
  // The nearest of equal ones comes first.
  for (const at of [0, most, ...places].map(within).sort((a, b) => Math.abs(a - now) - Math.abs(b - now))) {
    if (worth(at) <= value) continue;
    value = worth(at);
    best = at;
  }
  return best;
}
