// Turns a view on the page into a scene: boxes, text and drawings at the places that the browser gave them. So every view has
// a picture, and it is the same as the page. Controls (`data-capture="no"`, buttons, inputs) are left out.

import { isTransparent } from "../ui/color";
import { WHOLE } from "../ui/near";
import type { Mark, Scene } from "./scene";
import { moved } from "./scene";
import { sceneOf } from "./scene_svg";

const LEFT_OUT = '[data-capture="no"], button, input, progress, .tb-popup, [hidden], [data-gone]';
const MARGIN = 16;

export function capture(root: HTMLElement): Scene {
  const restore = unrolled(root);
  try {
    return taken(root);
  } finally {
    restore();
  }
}

/** Scrolling elements with this mark are shown in full while the picture is taken. */
function unrolled(root: HTMLElement): () => void {
  const found = [...root.querySelectorAll<HTMLElement>('[data-capture="whole"]')].map((el) => ({ el, top: el.scrollTop }));
  for (const { el } of found) {
    el.dispatchEvent(new Event(WHOLE));
    el.style.maxHeight = "none";
  }
  return () => {
    for (const { el, top } of found) {
      el.style.maxHeight = "";
      el.scrollTop = top;
    }
  };
}

function taken(root: HTMLElement): Scene {
  const origin = root.getBoundingClientRect();
  const floors: Mark[][] = [];
  const place = { dx: MARGIN - origin.left, dy: MARGIN - origin.top, opacity: 1 };
  walk(root, place, null, floors, 0);
  return { width: origin.width + 2 * MARGIN, height: origin.height + 2 * MARGIN, marks: floors.flat() };
}

interface Place {
  dx: number;
  dy: number;
  /** The product of the opacities of all ancestors. */
  opacity: number;
}

function walk(el: Element, place: Place, clip: DOMRect | null, floors: Mark[][], under: number): void {
  if (el.matches(LEFT_OUT)) return;
  const box = el.getBoundingClientRect();
  const style = getComputedStyle(el);
  // An element without a box has no place, but its children have.
  const boxless = style.display === "contents";
  if (!boxless && box.width === 0 && box.height === 0) return;
  if (!boxless && clip && !meets(box, clip)) return;
  const own = Number.parseFloat(style.opacity);
  place = { ...place, opacity: place.opacity * (Number.isNaN(own) ? 1 : own) };
  if (style.visibility === "hidden" || place.opacity === 0) return;
  if (el instanceof SVGSVGElement) {
    const scene = sceneOf(el);
    const marks = moved(scene?.marks ?? [], box.left + place.dx, box.top + place.dy);
    const shown = (mark: Mark) => ({ ...mark, ...faded({ ...place, opacity: place.opacity * (mark.opacity ?? 1) }) });
    floors[under]?.push(...marks.map((mark) => ({ ...shown(mark), ...clipped(box, clip, place) })));
    return;
  }
  if (el instanceof HTMLCanvasElement) {
    const at = { x: box.left + place.dx, y: box.top + place.dy, w: box.width, h: box.height };
    floors[under]?.push({ kind: "image", source: el, ...at, ...faded(place), ...clipped(box, clip, place) });
    return;
  }
  // Sticky elements (table heads) lie above the elements that scroll beneath them.
  const floor = style.position === "sticky" ? under + 1 : under;
  floors[floor] ??= [];
  const target = floors[floor];
  const inner = boxless || style.overflowX === "visible" ? clip : intersection(box, clip);
  if (!boxless) {
    paintBox(box, style, place, clip, target);
    paintGrounds(box, style, place, clip, target);
  }
  for (const child of el.childNodes) {
    if (child instanceof Text) paintText(child, style, place, inner, target);
    else if (child instanceof Element) walk(child, place, inner, floors, floor);
  }
}

function paintBox(box: DOMRect, style: CSSStyleDeclaration, place: Place, clip: DOMRect | null, marks: Mark[]): void {
  const fill = isTransparent(style.backgroundColor) ? undefined : style.backgroundColor;
  const outlined = style.outlineStyle !== "none" && style.outlineStyle !== "auto" ? style.outlineColor : undefined;
  const bordered = [style.borderTopWidth, style.borderLeftWidth].every((w) => Number.parseFloat(w) > 0)
    ? style.borderTopColor
    : undefined;
  const drawn = outlined ?? bordered;
  const stroke = drawn && !isTransparent(drawn) ? drawn : undefined;
  if (!fill && !stroke) return;
  marks.push({
    kind: "rect",
    x: box.left + place.dx,
    y: box.top + place.dy,
    w: box.width,
    h: box.height,
    radius: Math.min(Number.parseFloat(style.borderRadius) || 0, box.height / 2),
    ...(fill ? { fill } : {}),
    ...(stroke ? { stroke, width: outlined ? 2 : 1 } : {}),
    ...faded(place),
    ...clipped(box, clip, place),
  });
}

/** Matches a layer of a computed background image. */
const GROUND = /[\w-]+\([^()]*(?:\([^()]*\)[^()]*)*\)|none/g;

/**
 * Paints backgrounds that are bars or lines: linear gradients of one colour, not repeated, with a size and a place in pixels and
 * per cent. Skips all other kinds, but counts them in the lists of sizes and places.
 */
function paintGrounds(box: DOMRect, style: CSSStyleDeclaration, place: Place, clip: DOMRect | null, marks: Mark[]): void {
  const grounds = style.backgroundImage?.match(GROUND) ?? [];
  const [sizes, places] = [style.backgroundSize, style.backgroundPosition].map((each) => (each ?? "").split(", "));
  // The first layer lies on top, so paint it last.
  for (let i = grounds.length - 1; i >= 0; i--) {
    const fill = onlyColour(grounds[i] as string);
    const [w, h] = lengths(sizes?.[i] ?? "", [box.width, box.height]);
    if (!fill || isTransparent(fill) || !w || !h) continue;
    // A place in per cent refers to the box without the size of the layer.
    const [x, y] = lengths(places?.[i] ?? "", [box.width - w, box.height - h]);
    const at = new DOMRect(box.left + (x ?? 0), box.top + (y ?? 0), w, h);
    const mark = { x: at.left + place.dx, y: at.top + place.dy, w, h, fill };
    marks.push({ kind: "rect", ...mark, ...faded(place), ...clipped(at, clip, place) });
  }
}

/** The colour of a gradient whose stops all have the same colour; else null. */
function onlyColour(ground: string): string | null {
  const [, stops] = /^linear-gradient\((.*)\)$/.exec(ground) ?? [];
  const [first, ...others] = stops?.match(/\w+\([^()]*\)/g) ?? [];
  return first && others.every((each) => each === first) ? first : null;
}

/** "calc(100% - 2px) 7px" as pixels, across and down. */
function lengths(text: string, whole: readonly [number, number]): number[] {
  const found = text.match(/calc\([^()]*\)|\S+/g) ?? [];
  return found.map((each, i) => {
    const parts = [...each.matchAll(/([+-]?) ?(\d+(?:\.\d+)?)(px|%)/g)];
    return parts.reduce((sum, [, sign, size, unit]) => {
      const pixels = (Number(size) * (unit === "%" ? (whole[i] ?? 0) : 100)) / 100;
      return sum + (sign === "-" ? -pixels : pixels);
    }, 0);
  });
}

function paintText(node: Text, style: CSSStyleDeclaration, place: Place, clip: DOMRect | null, marks: Mark[]): void {
  if (!node.data.trim()) return;
  const { dx, dy } = place;
  const turned = style.writingMode === "vertical-rl";
  for (const { text, box } of turned ? [whole(node)] : lines(node)) {
    if (clip && !meets(box, clip)) continue;
    const size = Number.parseFloat(style.fontSize);
    // Vertical text is rotated on the page, so it runs upwards.
    const at = turned
      ? { x: box.left + dx + box.width / 2 + size * 0.35, y: box.bottom + dy, turned }
      : { x: box.left + dx, y: box.top + dy + box.height / 2 + size * 0.35 };
    marks.push({
      kind: "text",
      ...at,
      text,
      size,
      mono: style.fontFamily.includes("monospace"),
      bold: Number.parseInt(style.fontWeight, 10) >= 600,
      fill: style.color,
      ...faded(place),
      ...(clip && !turned && box.right > clip.right && style.textOverflow === "ellipsis"
        ? { max: clip.right - box.left }
        : clipped(box, clip, place)),
    });
  }
}

function whole(node: Text): { text: string; box: DOMRect } {
  const range = document.createRange();
  range.selectNodeContents(node);
  return { text: node.data, box: range.getBoundingClientRect() };
}

/** The lines of a text node, as the browser has broken them. */
function lines(node: Text): { text: string; box: DOMRect }[] {
  const range = document.createRange();
  const out: { text: string; box: DOMRect }[] = [];
  for (const { 0: word, index } of node.data.matchAll(/\S+\s*/g)) {
    range.setStart(node, index);
    range.setEnd(node, index + word.trimEnd().length);
    const box = range.getBoundingClientRect();
    const last = out.at(-1);
    if (last && Math.abs(last.box.top - box.top) < box.height / 2) {
      out[out.length - 1] = {
        text: `${last.text} ${word.trimEnd()}`,
        box: new DOMRect(last.box.left, last.box.top, box.right - last.box.left, last.box.height),
      };
    } else {
      out.push({ text: word.trimEnd(), box });
    }
  }
  return out;
}

function meets(a: DOMRect, b: DOMRect): boolean {
  return a.right > b.left && a.left < b.right && a.bottom > b.top && a.top < b.bottom;
}

function intersection(a: DOMRect, b: DOMRect | null): DOMRect {
  if (!b) return a;
  const [left, top] = [Math.max(a.left, b.left), Math.max(a.top, b.top)];
  return new DOMRect(left, top, Math.max(0, Math.min(a.right, b.right) - left), Math.max(0, Math.min(a.bottom, b.bottom) - top));
}

/** The clip of a box that is partly hidden; nothing for a box that is wholly visible. */
function clipped(box: DOMRect, clip: DOMRect | null, { dx, dy }: Place): { clip?: [number, number, number, number] } {
  const whole = !clip || (box.left >= clip.left && box.right <= clip.right && box.top >= clip.top && box.bottom <= clip.bottom);
  return whole ? {} : { clip: [clip.left + dx, clip.top + dy, clip.width, clip.height] };
}

function faded({ opacity }: Place): { opacity?: number } {
  return opacity < 1 ? { opacity } : {};
}
