// A sequential scale for amounts, in teal: lightness alone orders it, so colour-blind readers can read it. A diverging scale
// for signed amounts, in orange and blue. Ink that is readable on every shade of both.

export type Rgb = readonly [number, number, number];

const LIGHT: readonly Rgb[] = [
  [238, 243, 243],
  [122, 184, 186],
  [0, 96, 106],
];
const DARK: readonly Rgb[] = [
  [34, 42, 48],
  [25, 104, 109],
  [84, 198, 186],
];

/** Signed amounts: the paper colour at zero, orange above and blue below. */
const SIGNED = {
  light: {
    above: [
      [245, 246, 247],
      [244, 176, 122],
      [201, 84, 10],
    ],
    below: [
      [245, 246, 247],
      [138, 181, 222],
      [28, 94, 164],
    ],
  },
  dark: {
    above: [
      [34, 40, 46],
      [138, 76, 38],
      [240, 140, 74],
    ],
    below: [
      [34, 40, 46],
      [38, 84, 134],
      [104, 172, 242],
    ],
  },
} as const satisfies Record<string, Record<string, readonly Rgb[]>>;

/** The colour of an amount in [0, 1]: the paper colour at 0, the strongest at 1. */
export function sequential(amount: number, dark: boolean): Rgb {
  return between(dark ? DARK : LIGHT, amount);
}

/** The colour of a signed amount in [-1, 1]: the paper colour at 0. */
export function diverging(amount: number, dark: boolean): Rgb {
  return between(SIGNED[dark ? "dark" : "light"][amount < 0 ? "below" : "above"], Math.abs(amount));
}

function between(stops: readonly Rgb[], amount: number): Rgb {
  const at = Math.min(1, Math.max(0, amount || 0)) * (stops.length - 1);
  const [low, high] = [stops[Math.floor(at)], stops[Math.ceil(at)]] as [Rgb, Rgb];
  const t = at - Math.floor(at);
  return [0, 1, 2].map((i) => Math.round((low[i] ?? 0) + ((high[i] ?? 0) - (low[i] ?? 0)) * t)) as unknown as Rgb;
}

/** The ink with the better contrast on a ground: at least 4.5 : 1 on any (WCAG AA). */
export function ink(ground: Rgb): string {
  const [r, g, b] = ground;
  const at = (r << 16) | (g << 8) | b;
  const known = inks.get(at);
  if (known !== undefined) return known;
  const found = inkOn(ground);
  inks.set(at, found);
  return found;
}

/** Ground -> ink, as a cache: a scale has a few hundred shades, and each key press tints a text with them. */
const inks = new Map<number, string>();

function inkOn(ground: Rgb): string {
  const soft: Rgb = [20, 28, 32];
  if (contrast(soft, ground) >= 7) return css(soft);
  return contrast([0, 0, 0], ground) >= contrast([255, 255, 255], ground) ? "rgb(0, 0, 0)" : "rgb(255, 255, 255)";
}

export function css([r, g, b]: Rgb): string {
  return `rgb(${r}, ${g}, ${b})`;
}

/** Whether a computed colour is fully transparent: rgba(1, 2, 3, 0), color(srgb 0 0 0 / 0). */
export function isTransparent(color: string): boolean {
  return color === "transparent" || /^rgba\(.*, 0\)$|\/ 0\)$/.test(color);
}

/** Splits a computed colour into colour and opacity: color(srgb 0.1 0.2 0.3 / 0.7) is rgb(26, 51, 77) and 0.7. */
export function opaque(color: string): { color: string; alpha: number } {
  const numbers = color.match(/[\d.]+(?:e-?\d+)?/g)?.map(Number) ?? [];
  if (numbers.length < 3) return { color, alpha: 1 };
  const scale = color.startsWith("color(srgb ") ? 255 : 1;
  const [r, g, b] = numbers.slice(0, 3).map((n) => Math.round(n * scale)) as [number, number, number];
  return { color: css([r, g, b]), alpha: numbers[3] ?? 1 };
}

/** The WCAG contrast ratio of two colours, from 1 to 21. */
export function contrast(a: Rgb, b: Rgb): number {
  const [high, low] = [luminance(a), luminance(b)].sort((x, y) => y - x) as [number, number];
  return (high + 0.05) / (low + 0.05);
}

function luminance(rgb: Rgb): number {
  const [r, g, b] = rgb.map((c) => {
    const s = c / 255;
    return s <= 0.04045 ? s / 12.92 : ((s + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
