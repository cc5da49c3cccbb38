// The line that says that the kernel does not answer.

import type { Answers } from "../requests/ask";
import { element } from "../ui/dom";

export function banner(answers: Answers, signal: AbortSignal): HTMLElement {
  const el = element("p", { class: "tb-banner", role: "status", hidden: true });
  answers.liveness.on((silent) => {
    el.hidden = !silent;
    el.textContent = silent ? "The kernel does not answer: it is busy or gone. You can still read the results." : "";
  }, signal);
  return el;
}
