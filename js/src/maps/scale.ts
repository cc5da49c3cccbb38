// The button that leaves position 0 out of the scale.

import { element } from "../ui/dom";
import type { Legend, Meaning } from "./legend";
import { legend } from "./legend";
import type { Tint } from "./tint";
import { WHOLE } from "./tint";

export interface Scale {
  legend: HTMLElement;
  /** Says how far the scale reaches. */
  note: HTMLElement;
  button: HTMLElement;
  /** The chosen scale: the whole one, or the one given, without position 0. Updates the legend. */
  of(without: Tint, dark: boolean): Tint;
}

/** The reader's choice. It stays when another result is shown. */
export interface Preferences {
  /** Whether the scale leaves out position 0. */
  skipFirst: boolean;
}

export function scale(meaning: Meaning, preferences: Preferences, onChange: () => void, signal: AbortSignal): Scale {
  const { el, note, update }: Legend = legend(meaning);
  const button = element("button", { class: "tb-button", type: "button" }, "leave out position 0");
  button.title =
    "Position 0 often has most of the attention. Without it, the colours of the other tokens differ more. No number changes.";
  const say = () => button.setAttribute("aria-pressed", String(preferences.skipFirst));
  button.addEventListener(
    "click",
    () => {
      preferences.skipFirst = !preferences.skipFirst;
      say();
      onChange();
    },
    { signal },
  );
  say();
  return {
    legend: el,
    note,
    button,
    of: (without, dark) => {
      const tint = preferences.skipFirst ? without : WHOLE;
      update(tint, dark);
      return tint;
    },
  };
}
