// The button that saves the bench as one HTML file beside the notebook. It says the size before, and the path after.

import type { Answers, Progress } from "../requests/ask";
import { element } from "../ui/dom";
import { size } from "../ui/format";
import { keepInView } from "../ui/popup";

interface Estimate {
  size: number;
  /** True if the size of a part is not known yet. */
  least: boolean;
  note: string;
}

export function saveButton(answers: Answers, status: HTMLElement, signal: AbortSignal): HTMLElement {
  const button = element("button", { class: "tb-button", type: "button" }, "Save HTML");
  // Show the size in a panel under the button: a longer label would move the button from under the pointer.
  const expected = element("span", { class: "tb-expected tb-note", role: "status", hidden: true });
  const el = element("span", { class: "tb-popup" }, button, expected);
  let about = "";
  let asking = false;
  let near = false;
  const show = () => {
    expected.hidden = !near || !about;
    if (!expected.hidden) keepInView(el, expected);
  };
  // Ask for the size only when the pointer or the focus reaches the button.
  const estimate = () => {
    if (asking || button.disabled) return;
    asking = true;
    answers
      .act("size")
      .then((result: unknown) => {
        const { size: bytes, least, note } = result as Estimate;
        about = `${least ? "more than" : "about"} ${size(bytes)}`;
        expected.replaceChildren(element("b", {}, `One file, ${about}`), `: ${note}.`);
        show();
      })
      .catch((error: unknown) => console.warn("tracebench: the size of the page is not known.", error))
      .finally(() => {
        asking = false;
      });
  };
  const come = () => {
    near = true;
    show();
    estimate();
  };
  const leave = () => {
    near = false;
    show();
  };
  for (const name of ["pointerenter", "focus"] as const) button.addEventListener(name, come, { signal });
  for (const name of ["pointerleave", "blur", "click"] as const) button.addEventListener(name, leave, { signal });
  button.addEventListener("click", () => {
    status.hidden = false;
    status.className = "tb-saved tb-note";
    const saving = new AbortController();
    const cancel = new AbortController();
    const word = element("span", {});
    const stop = element("button", { class: "tb-button", type: "button" }, "Cancel");
    stop.addEventListener("click", () => cancel.abort());
    status.replaceChildren(word, " ", stop);
    let doing = about ? `Saving (${about}) …` : "Saving …";
    const tell = () => {
      const { silent } = answers.liveness;
      word.textContent = silent ? `${doing} The kernel does not answer: it is busy or gone.` : doing;
      button.disabled = !silent;
    };
    answers.liveness.on(tell, saving.signal);
    const onProgress = ({ done, total, note }: Progress) => {
      doing = `Saving${note ? `: ${note}` : ""}${total ? ` (${done} of ${total})` : ""} …`;
      tell();
    };
    answers
      .act("save", {}, { signal: cancel.signal, onProgress })
      .then((result: unknown) => {
        const saved = result as { path: string; size: number; note: string };
        status.replaceChildren(
          "Saved as ",
          element("code", {}, saved.path),
          ` (${size(saved.size)}): one file that opens without a kernel and without a network.`,
        );
      })
      .catch((error: unknown) => {
        if (cancel.signal.aborted) {
          status.textContent = "Not saved: it was cancelled.";
          // The pressed button disappears, so move its focus.
          button.disabled = false;
          button.focus({ preventScroll: true });
          return;
        }
        status.className = "tb-saved tb-error";
        status.textContent = `Not saved: ${error instanceof Error ? error.message : error}`;
      })
      .finally(() => {
        saving.abort();
        button.disabled = false;
      });
  });
  return el;
}
