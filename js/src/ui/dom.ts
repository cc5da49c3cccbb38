// Makes elements without parsing markup: a prompt that contains HTML stays text.

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

/** Writes only the attributes that change: the browser restyles an element even when a write changes nothing. */
export function setAttributes(target: Element, attributes: Attributes): void {
  for (const [name, value] of Object.entries(attributes)) {
    const text = value === true ? "" : String(value);
    if (value === null || value === undefined || value === false) target.removeAttribute(name);
    else if (target.getAttribute(name) !== text) target.setAttribute(name, text);
  }
}

/** Marks an element as selected, or not, for CSS and for screen readers. Writes only a change. */
export function setSelected(target: Element, selected: boolean): void {
  if (target.getAttribute("aria-selected") !== String(selected)) target.setAttribute("aria-selected", String(selected));
}

/** Hides an element, or shows it. Writes only a change. */
export function setHidden(target: HTMLElement, hidden: boolean): void {
  if (target.hidden !== hidden) target.hidden = hidden;
}

let count = 0;

/** An id that is unique on the page, for a control and its label. */
export function freshId(stem: string): string {
  count += 1;
  return `tb-${stem}-${Math.random().toString(36).slice(2, 8)}-${count}`;
}

/** The element that has the focus; works in a shadow tree too. */
export function focusedIn(node: Node): Element | null {
  return (node.getRootNode() as Document | ShadowRoot).activeElement;
}

/**
 * Acts after all listeners of the current event have run. Measuring between their changes would force one more layout, which
 * is most of the cost of a key press in a long text.
 */
export function afterwards(act: () => void): void {
  queueMicrotask(act);
}

/** Scrolls the box until the element is visible and clear of its faded edges; never scrolls the page. */
export function keepInSight(scrolling: HTMLElement, el: HTMLElement, fade = 0): void {
  afterwards(() => {
    // The element was removed in the meantime.
    if (!scrolling.contains(el)) return;
    const [outer, inner] = [scrolling.getBoundingClientRect(), el.getBoundingClientRect()];
    if (inner.top < outer.top + fade) scrolling.scrollTop += inner.top - outer.top - 8 - fade;
    if (inner.bottom > outer.bottom - fade) scrolling.scrollTop += inner.bottom - outer.bottom + 8 + fade;
  });
}

/**
 * Makes one of many elements the stop for the Tab key; the returned function moves the stop. It writes only to the old and the
 * new stop, and to none where the stop stays: a write to the focused element restyles it.
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

/** Sets `data-above` and `data-below` where the box can scroll up and down, so that CSS fades these edges. */
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
 * Keeps the largest height that the element has had at this width, or its largest width at the width of `around`. Its text
 * changes from step to step; what stands below does not jump and needs no new drawing.
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

/** The width of an element from its last layout, without a new measurement; calls `onChange` when the width changes. */
export function widthOf(el: Element, onChange: () => void, signal: AbortSignal): () => number {
  let width: number | null = null;
  const resized = () => {
    width = el.clientWidth;
    onChange();
  };
  onResize([el], resized, signal);
  return () => width ?? el.clientWidth;
}

/** Calls back when the size of an element changes, and once at the beginning. */
export function onResize(elements: readonly Element[], callback: () => void, signal: AbortSignal): void {
  const observer = new ResizeObserver(callback);
  for (const each of elements) observer.observe(each);
  signal.addEventListener("abort", () => observer.disconnect());
}
