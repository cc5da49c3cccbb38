// The menu that selects one of several texts.

import type { Selection } from "../selection";
import { selectTrace } from "../selection";
import type { Traces } from "../traces";
import { element, setHidden, setSelected } from "../ui/dom";
import { ifChanged } from "../ui/unchanged";

/** Hidden if there is only one text. */
export function traceChooser(traces: Traces, selection: Selection, signal: AbortSignal): { el: HTMLElement; update(): void } {
  const select = element("select", { "aria-label": "Text" });
  const el = element("label", { class: "tb-text-chooser", "data-capture": "no", hidden: true }, "Text ", select);
  select.addEventListener("change", () => selectTrace(selection, traces.all, Number(select.value)), { signal });
  // Keep keys from the notebook, which has shortcuts of its own; Escape leaves the menu.
  select.addEventListener("keydown", (event) => event.key !== "Escape" && event.stopPropagation(), { signal });
  const fill = ifChanged((count: number) => {
    const titles = traces.all.map(({ title }) => title);
    const options = titles.map((title, i) => {
      const before = titles.slice(0, i).filter((each) => each === title).length;
      const name = before === 0 ? title : `${title} (${before + 1})`;
      return element("option", { value: String(i), "data-trace": i }, name);
    });
    select.replaceChildren(...options);
    setHidden(el, count < 2);
  });
  return {
    el,
    update: () => {
      fill(traces.all.length);
      select.value = String(traces.index);
      for (const [i, option] of [...select.options].entries()) setSelected(option, i === traces.index);
    },
  };
}
