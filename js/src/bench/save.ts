// Saves the bench as one HTML file beside the notebook, and says where it is.

import type { Answers } from "../ask";
import { element } from "../dom";
import { size } from "../format";

export function saveButton(answers: Answers, said: HTMLElement): HTMLButtonElement {
  const button = element("button", { class: "tb-button", type: "button" }, "Save HTML");
  button.addEventListener("click", () => {
    said.hidden = false;
    said.className = "tb-saved tb-note";
    const saving = new AbortController();
    answers.liveness.on((silent) => {
      said.textContent = silent ? "Saving … The kernel does not answer: it is busy, or gone." : "Saving …";
      button.disabled = !silent;
    }, saving.signal);
    answers
      .save()
      .then((result) => {
        const saved = result as { path: string; size: number; note: string };
        said.replaceChildren(
          "Saved as ",
          element("code", {}, saved.path),
          ` (${size(saved.size)}): one file that opens without a kernel and without a network.`,
        );
      })
      .catch((error: unknown) => {
        said.className = "tb-saved tb-error";
        said.textContent = `Not saved: ${error instanceof Error ? error.message : error}`;
      })
      .finally(() => {
        saving.abort();
        button.disabled = false;
      });
  });
  return button;
}
