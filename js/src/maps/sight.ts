// How far to scroll a text, so that the most important tokens are visible.

export interface Spot {
  top: number;
  bottom: number;
  /** How important it is to show it. */
  worth: number;
}

export interface Window {
  /** How far the text is scrolled now. */
  now: number;
  /** The visible height, and the height of the whole text. */
  room: number;
  whole: number;
  /** The height of the faded edge where more text follows. */
  fade: number;
}

/** Pixels between a token and the edge. */
const MARGIN = 8;
/** Scroll only if the visible importance grows by this factor: the reader is reading. */
const GAIN = 1.25;

/** The scroll position with the most visible importance; the present one unless another is better by `GAIN`. */
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
  // Of equally good positions, take the nearest.
  for (const at of [0, most, ...places].map(within).sort((a, b) => Math.abs(a - now) - Math.abs(b - now))) {
    if (worth(at) <= value) continue;
    value = worth(at);
    best = at;
  }
  return best;
}
