// The places of the views, each with tools to hide, move and enlarge it.

import type { Child } from "../afm";
import type { Synced } from "../synced";
import { element, focusedIn, setAttributes } from "../ui/dom";
import { isBare, take } from "../ui/keys";
import type { Arrangement } from "./arrangement";
import { arrangementIn, bringBack, enlarge, hide, move, namesOf, place as placeBefore, spoken } from "./arrangement";
import { grip } from "./carry";
import type { Tools } from "./tools";
import { placeTools } from "./tools";

export interface Places {
  /** The element with the views. */
  el: HTMLElement;
  /** The names of the hidden views, as buttons that show them again. */
  away: HTMLElement;
  /** The views that are not hidden, in order. */
  visible: () => { name: string; child: Child }[];
  /** The names of all views, in the order given. */
  names: readonly string[];
  /** Scrolls to a view. Shows it first if it is hidden, or if another view is enlarged. */
  lead: (name: string) => void;
  /** Calls back when the arrangement changes. */
  on: (callback: () => void, signal: AbortSignal) => void;
}

interface Place {
  el: HTMLElement;
  name: string;
  child: Child;
  tools: Tools;
  /** Ends the rendered view; null while it is not rendered. */
  life: AbortController | null;
}

/** Renders the visible views. A hidden view is removed: it asks nothing, and its requests are cancelled. */
export function places(root: HTMLElement, children: readonly Child[], kept: Synced, signal: AbortSignal): Places {
  const names = namesOf(children.map(({ stem }) => stem));
  const usual: Arrangement = { order: names, hidden: [], enlarged: null };
  const note = element("span", { class: "tb-note", role: "status" });
  const chips = element("span", { class: "tb-away-names" });
  const away = element("div", { class: "tb-away", hidden: true }, note, chips);
  const el = element("div", { class: "tb-views" });
  const current = () => arrangementIn(kept.get(), names) ?? usual;
  const arrange = (next: Arrangement | null) => {
    if (next) kept.set(next);
  };

  const moveBy = (name: string, by: -1 | 1) => {
    arrange(move(current(), name, by));
    placeOf(name).tools.keepInSight();
  };

  const all: Place[] = children.map((child, i) => {
    const name = names[i] as string;
    const tools = placeTools(spoken(name), {
      earlier: () => moveBy(name, -1),
      later: () => moveBy(name, 1),
      enlarge: () => {
        arrange(enlarge(current(), current().enlarged === name ? null : name));
        placeOf(name).tools.keepInSight();
      },
      hide: () => {
        arrange(hide(current(), name));
        chips.querySelector<HTMLElement>(`[data-name="${name}"]`)?.focus();
      },
    });
    const drop = (before: string | null) => {
      arrange(placeBefore(current(), name, before));
      placeOf(name).tools.keepInSight();
    };
    const handle = grip({ name, views: el, visible: () => shownPlaces(), onDrop: drop }, signal);
    const place = element("div", { class: "tb-place", "data-stem": child.stem, "data-name": name }, handle, tools.el);
    return { el: place, name, child, tools, life: null };
  });
  const placeOf = (name: string) => all.find((place) => place.name === name) as Place;
  const shownPlaces = () => {
    const { order, hidden } = current();
    return order.filter((name) => !hidden.includes(name)).map(placeOf);
  };

  const update = () => {
    const { order, hidden, enlarged } = current();
    const visible = order.filter((name) => !hidden.includes(name));
    const focused = focusedIn(el);
    inOrder(
      el,
      order.map((name) => placeOf(name).el),
    );
    for (const place of all) {
      const { name } = place;
      const isHidden = hidden.includes(name);
      setAttributes(place.el, {
        hidden: isHidden,
        "data-hidden": isHidden,
        "data-enlarged": name === enlarged,
        // The view exists and follows the selection, but the enlarged view covers it.
        "data-behind": enlarged !== null && name !== enlarged,
        "data-first": name === (enlarged ?? visible[0]),
      });
      place.tools.update({ first: name === visible[0], last: name === visible.at(-1), enlarged: name === enlarged });
      if (isHidden) {
        place.life?.abort();
        place.life = null;
      } else if (!place.life) {
        place.life = new AbortController();
        render(place.el, place.child, AbortSignal.any([signal, place.life.signal]));
      }
    }
    root.toggleAttribute("data-one", enlarged !== null);
    // Moving an element removes it for a moment, and so it loses its focus.
    if (focused instanceof HTMLElement && el.contains(focused) && focusedIn(el) !== focused)
      focused.focus({ preventScroll: true });
    const ignored = kept.get() !== null && Object.keys(kept.get() as object).length > 0 && !arrangementIn(kept.get(), names);
    note.textContent = ignored
      ? "The saved arrangement does not fit the views of this bench, so all views are shown."
      : hidden.length > 0
        ? "Hidden:"
        : "";
    away.hidden = !note.textContent;
    chips.replaceChildren(
      ...order
        .filter((name) => hidden.includes(name))
        .map((name) => {
          const label = `Show ${spoken(name)}`;
          const chip = element("button", {
            class: "tb-button",
            type: "button",
            "data-name": name,
            "aria-label": label,
            title: label,
          });
          chip.append(`+ ${spoken(name)}`);
          chip.addEventListener("click", () => {
            arrange(bringBack(current(), name));
            placeOf(name).tools.focus();
            placeOf(name).tools.keepInSight();
          });
          return chip;
        }),
    );
  };
  update();
  kept.on(update, signal);
  root.addEventListener(
    "keydown",
    (event) => {
      const { enlarged } = current();
      if (event.key !== "Escape" || !isBare(event) || enlarged === null) return;
      take(event);
      arrange(enlarge(current(), null));
      placeOf(enlarged).tools.focus();
      placeOf(enlarged).tools.keepInSight();
    },
    { signal },
  );
  return {
    el,
    away,
    visible: shownPlaces,
    names,
    lead: (name) => {
      if (!names.includes(name)) return;
      const { hidden, enlarged } = current();
      if (hidden.includes(name) || (enlarged !== null && enlarged !== name)) arrange(bringBack(current(), name));
      const { el: place, tools } = placeOf(name);
      place.scrollIntoView({ block: "start" });
      // Its own summary opens the list of the checks that do not hold.
      const word = place.querySelector<HTMLElement>("button[data-check]");
      if (word) word.focus({ preventScroll: true });
      else tools.focus();
    },
    on: (callback, until) => kept.on(callback, until),
  };
}

function render(place: HTMLElement, child: Child, signal: AbortSignal): void {
  const room = element("div", { class: "tb-room" });
  // Before the tools: they stand in the line of the title, but Tab reaches them last.
  place.insertBefore(room, place.lastElementChild);
  signal.addEventListener("abort", () => room.remove());
  child.render(room, signal).catch((error: unknown) => {
    if (signal.aborted) return;
    const sentence = `This view could not be shown: ${error instanceof Error ? error.message : error}`;
    room.replaceChildren(element("p", { class: "tb-state tb-error", role: "alert" }, sentence));
  });
}

/** Puts elements in order. A moved element loses its focus, so of two neighbours this moves the one without the focus. */
function inOrder(parent: HTMLElement, wanted: readonly HTMLElement[]): void {
  const focused = focusedIn(parent);
  wanted.forEach((each, i) => {
    const present = parent.children[i];
    if (present === each) return;
    if (present && parent.children[i + 1] === each && !present.contains(focused)) parent.insertBefore(present, each.nextSibling);
    else parent.insertBefore(each, present ?? null);
  });
}
