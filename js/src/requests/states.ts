// What stands where a result will be, cannot be, or is not yet: loading, failed, absent.

import { copyButton } from "../ui/copy";
import { element } from "../ui/dom";
import { PATIENCE_MS } from "../ui/settle";
import type { AskOptions, Progress } from "./ask";
import { isAbsent } from "./ask";
import type { Asked } from "./remember";
import type { Request } from "./request";

export const WAITING = "Waiting for the kernel: it is busy, or gone. The answer will appear when it comes.";

/** Why there is no answer, in place of what the answerer says; `code` comes before the Python, null where that is of no use. */
export interface Absence {
  sentence: string;
  code: string | null;
}

export interface Asking {
  /** Whose `data-state` says how it is. */
  root: HTMLElement;
  /** Where the state is shown, and later the result. */
  body: HTMLElement;
  answers: Asked;
  request: Request;
  signal: AbortSignal;
  /** What is computed, for "Computing ...". */
  what: string;
  /** What else is asked for before the result is shown; it is shown in its place. */
  prepare?: (result: unknown, options: AskOptions) => Promise<unknown>;
  /** What it starts ends with its signal: when the view ends, or when showing failed. */
  show: (result: unknown, signal: AbortSignal) => void;
  /** What was shown before, where it can show another result in its place. */
  standing?: Standing;
  /** Where the answer is absent, and it can be said why. */
  why?: () => Absence | null;
  /** What else there is to do where the answer is absent. */
  instead?: () => HTMLElement | null;
}

/** What stands on the page and can show another result as it stands: to make a long text anew for every step is slow. */
export interface Standing {
  isHere(): boolean;
  /** False where what stands is not made for this result. */
  replace(result: unknown): boolean;
}

/** Asks, and shows how it goes until the result is there. */
export function askAndShow(asking: Asking): void {
  const { root, body, answers, request, signal, what } = asking;
  const cancel = new AbortController();
  const stop = () => cancel.abort();
  signal.addEventListener("abort", stop);

  let progress = `Asking for ${what} …`;
  const note = element("p", { "aria-live": "polite" }, progress);
  const bar = element("progress", { "aria-label": `Progress of ${what}` });
  const button = element("button", { class: "tb-button", type: "button" }, "Cancel");
  button.addEventListener("click", stop);
  root.dataset.state = "loading";
  const wait = () => body.replaceChildren(element("div", { class: "tb-state" }, note, bar, button));
  // A saved page, or a kernel that knows it, answers sooner: then nothing flickers.
  let patience: ReturnType<typeof setTimeout> | undefined;
  if (asking.standing?.isHere()) patience = setTimeout(wait, PATIENCE_MS);
  else wait();
  const onProgress = ({ done, total, note: word }: Progress) => {
    progress = `Computing ${what}${word ? `: ${word}` : ""}${total ? ` (${done} of ${total})` : ""} …`;
    note.textContent = progress;
    if (total) {
      bar.max = total;
      bar.value = done;
    }
  };
  answers.liveness.on((silent) => {
    note.textContent = silent ? WAITING : progress;
  }, cancel.signal);

  const options = { signal: cancel.signal, onProgress };
  answers
    .ask(request, options)
    .then((result) => asking.prepare?.(result, options) ?? result)
    .then((result) => {
      if (!signal.aborted) showResult(asking, result);
    })
    .catch((error: unknown) => {
      if (!signal.aborted) showWhyNot(asking, error, cancel.signal.aborted);
    })
    .finally(() => {
      clearTimeout(patience);
      signal.removeEventListener("abort", stop);
      cancel.abort();
    });
}

/** Shows the result, or why it could not be shown: then nothing of the attempt stays. */
function showResult({ root, body, signal, show, standing }: Asking, result: unknown): void {
  const attempt = new AbortController();
  try {
    if (!standing?.isHere() || !standing.replace(result)) {
      body.replaceChildren();
      show(result, AbortSignal.any([signal, attempt.signal]));
    }
    root.dataset.state = "ready";
  } catch (error) {
    console.error("tracebench: an answer could not be shown.", error);
    attempt.abort();
    throw error;
  }
}

function showWhyNot(asking: Asking, error: unknown, cancelled: boolean): void {
  const { root, body, request } = asking;
  const absent = isAbsent(error);
  // Empty code says that no Python would compute it either: then there is no more to say.
  const why = absent && error.code !== "" ? (asking.why?.() ?? null) : null;
  const code = why && !why.code ? null : absent ? (error.code ?? request.code) : null;
  const sentence = why ? why.sentence : cancelled ? "Cancelled." : error instanceof Error ? error.message : String(error);
  const failed = !absent && !cancelled;
  root.dataset.state = absent ? "absent" : "error";
  const box = element(
    "div",
    { class: "tb-state", role: absent ? "note" : "alert" },
    element("p", { class: failed && "tb-error" }, sentence),
  );
  if (absent && code) {
    box.append(
      element("p", {}, why?.code ?? "This Python computes it:"),
      element("pre", { class: "tb-code" }, code),
      copyButton("Copy code", () => code),
    );
  } else if (!absent) {
    const again = element("button", { class: "tb-button", type: "button" }, "Ask again");
    again.addEventListener("click", () => askAndShow(asking));
    box.append(again);
  }
  const instead = absent ? asking.instead?.() : null;
  if (instead) box.append(instead);
  body.replaceChildren(box);
}
