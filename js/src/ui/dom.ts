// Elements without markup: text is only ever text, whatever a prompt contains.

export type Attributes = Record<string, string | number | boolean | null | undefined>;
type Content = Node | string | null | undefined | false;

/** `element("button", { class: "tb-button", "aria-pressed": "true" }, "Copy")`. False and null attributes are left out. */
export function element<K extends keyof HTMLElementTagNameMap>(
  name: K,
  attributes: Attributes = {},
  ...content: Content[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(name);
  setAttributes(made, attributes);
  for (const each of content) if (each !== null && each !== undefined && each !== false) made.append(each);
  return made;
}

export function svg<K extends keyof SVGElementTagNameMap>(name: K, attributes: Attributes = {}): SVGElementTagNameMap[K] {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  setAttributes(made, attributes);
  return made;
}

/** Only what is another is written: the browser looks again at what is written although it is so already. */
export function setAttributes(target: Element, attributes: Attributes): void {
  for (const [name, value] of Object.entries(attributes)) {
    const text = value === true ? "" : String(value);
    if (value === null || value === undefined || value === false) target.removeAttribute(name);
    else if (target.getAttribute(name) !== text) target.setAttribute(name, text);
  }
}

/** Marks an element as selected, or not, for eyes and for screen readers. */
export function setSelected(target: Element, selected: boolean): void {
  if (target.getAttribute("aria-selected") !== String(selected)) target.setAttribute("aria-selected", String(selected));
}

/** Hides an element, or brings it back: what is written although it is so already has the browser look again. */
export function setHidden(target: HTMLElement, hidden: boolean): void {
  if (target.hidden !== hidden) target.hidden = hidden;
}

let count = 0;

/** An id that nothing else on the page has, for labels and controls that refer to each other. */
export function freshId(stem: string): string {
  count += 1;
  return `tb-${stem}-${Math.random().toString(36).slice(2, 8)}-${count}`;
}

/** The element that has the focus, also where the view lives in a shadow tree. */
export function focusedIn(node: Node): Element | null {
  return (node.getRootNode() as Document | ShadowRoot).activeElement;
}

/**
 * Acts when everybody who hears of the same event has changed what they change. Whoever measures the page in between has it
 * laid out once more, which of a long text is most of what a key press costs.
 */
export function afterwards(act: () => void): void {
  queueMicrotask(act);
}

/** Brings an element into sight within what scrolls around it, clear of what fades there; never scrolls the page. */
export function keepInSight(scrolling: HTMLElement, el: HTMLElement, fade = 0): void {
  afterwards(() => {
    // Taken out meanwhile: then it has no place to be brought to.
    if (!scrolling.contains(el)) return;
    const [outer, inner] = [scrolling.getBoundingClientRect(), el.getBoundingClientRect()];
    if (inner.top < outer.top + fade) scrolling.scrollTop += inner.top - outer.top - 8 - fade;
    if (inner.bottom > outer.bottom - fade) scrolling.scrollTop += inner.bottom - outer.bottom + 8 + fade;
  });
}

/**
 * One of many is the stop for Tab. What it returns moves it there; only the two that change are touched, and none where it is
 * there already: the browser looks at the style of what has the focus.
 */
export function tabStop(all: readonly HTMLElement[]): (index: number) => void {
  let home = -1;
  return (index) => {
    if (index === home) return;
    const [old, now] = [all[home], all[index]];
    if (old) old.tabIndex = -1;
    if (now) now.tabIndex = 0;
    home = index;
  };
}

/** Says of what scrolls whether more lies above and below: `data-above`, `data-below`, for edges that fade. */
export function edges(scrolling: HTMLElement, signal: AbortSignal): () => void {
  const tell = () => {
    const { scrollTop, clientHeight, scrollHeight } = scrolling;
    scrolling.toggleAttribute("data-above", scrollTop > 1);
    scrolling.toggleAttribute("data-below", scrollTop + clientHeight < scrollHeight - 1);
  };
  scrolling.addEventListener("scroll", tell, { signal, passive: true });
  onResize([scrolling], tell, signal);
  return () => afterwards(tell);
}

/**
 * Whose words change stays as high as it has been at this width (or as wide, at the width of what is around it): what is below it
 * does not jump from step to step, and need not be drawn anew.
 */
export function steady(el: HTMLElement, signal: AbortSignal, side: "Height" | "Width" = "Height", around = el): void {
  let [room, most] = [0, 0];
  const keep = () => {
    if (around.offsetWidth !== room) {
      [room, most] = [around.offsetWidth, 0];
      el.style[`min${side}`] = "";
    }
    const now = el[`offset${side}`];
    if (now <= most) return;
    most = now;
    el.style[`min${side}`] = `${most}px`;
  };
  onResize([el, around], keep, signal);
}

/** The width of an element as it was last laid out, which need not be measured; `onChange` hears of another one. */
export function widthOf(el: Element, onChange: () => void, signal: AbortSignal): () => number {
  let width: number | null = null;
  const resized = () => {
    width = el.clientWidth;
    onChange();
  };
  onResize([el], resized, signal);
  return () => width ?? el.clientWidth;
}

/** Calls back whenever one of these has another size, and once at the beginning. */
export function onResize(elements: readonly Element[], callback: () => void, signal: AbortSignal): void {
  const observer = new ResizeObserver(callback);
  for (const each of elements) observer.observe(each);
  signal.addEventListener("abort", () => observer.disconnect());
}
