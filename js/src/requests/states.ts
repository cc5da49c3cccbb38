// Asks for a result, and shows its state in place of it: loading, failed, or absent.

import { copyButton } from "../ui/copy";
import { element } from "../ui/dom";
import { PATIENCE_MS } from "../ui/settle";
import type { AskOptions, Progress } from "./ask";
import { isAbsent } from "./ask";
import type { Asker } from "./cache";
import type { Request } from "./request";

export const WAITING = "Waiting for the kernel: it is busy or gone. The answer appears when it arrives.";

/** A view's own sentence on why there is no answer. `code` is the line above the Python; null where Python would not help. */
export interface Absence {
  sentence: string;
  code: string | null;
}

export interface Asking {
  /** The element whose `data-state` is set. */
  root: HTMLElement;
  /** The element that shows the state, and later the result. */
  body: HTMLElement;
  answers: Asker;
  request: Request;
  signal: AbortSignal;
  /** The name of the result, for "Computing ...". */
  what: string;
  /** Asks for more before the result is shown; `show` gets what it resolves to. */
  prepare?: (result: unknown, options: AskOptions) => Promise<unknown>;
  /** Shows the result. The signal aborts when the view ends, or when showing fails. */
  show: (result: unknown, signal: AbortSignal) => void;
  /** The shown result, if it can show the next one in its own elements. */
  shownResult?: ShownResult;
  /** Explains an absent answer, where the view knows the reason. */
  why?: () => Absence | null;
  /** A button for what the reader can do when the answer is absent. */
  instead?: () => HTMLElement | null;
}

/** A shown result that can show another result in the same elements: to rebuild a long text for every step is slow. */
export interface ShownResult {
  isHere(): boolean;
  /** Returns false if the elements do not fit this result. */
  replace(result: unknown): boolean;
}

/** Asks for the result, and shows the progress until it arrives; parts of the result are shown under the progress. */
export function askAndShow(asking: Asking): void {
  const { root, body, answers, request, signal, what } = asking;
  const cancel = new AbortController();
  const stop = () => cancel.abort();
  signal.addEventListener("abort", stop);

  let progress = `Loading ${what} …`;
  const note = element("p", { "aria-live": "polite" }, progress);
  const bar = element("progress", { "aria-label": `Progress of ${what}` });
  const button = element("button", { class: "tb-button", type: "button" }, "Cancel");
  const box = element("div", { class: "tb-state" }, note, bar, button);
  button.addEventListener("click", stop);
  root.dataset.state = "loading";
  const wait = () => body.replaceChildren(box);
  // A saved page, or a kernel that has the answer, is faster than this: then nothing flickers.
  let patience: ReturnType<typeof setTimeout> | undefined;
  if (asking.shownResult?.isHere()) patience = setTimeout(wait, PATIENCE_MS);
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

  const showing = shower(asking);
  const prepared = async (result: unknown) => asking.prepare?.(result, options) ?? result;
  /** The number of parts so far; -1 when the answer has arrived, because parts no longer count. */
  let parts = 0;
  const onPart = (part: unknown) => {
    parts += 1;
    const newest = parts;
    const show = (ready: unknown) => {
      // A newer part, or the answer, may have been ready first.
      if (cancel.signal.aborted || newest !== parts) return;
      clearTimeout(patience);
      try {
        showing.show(ready);
      } finally {
        body.prepend(box);
      }
    };
    prepared(part)
      .then(show)
      .catch((error: unknown) => console.warn("tracebench: a part of an answer could not be shown.", error));
  };
  const options = { signal: cancel.signal, onProgress };
  answers
    .ask(request, { ...options, onPart })
    .then((result) => {
      parts = -1;
      return prepared(result);
    })
    .then((result) => {
      if (signal.aborted) return;
      box.remove();
      showing.show(result);
      root.dataset.state = "ready";
    })
    .catch((error: unknown) => {
      if (!signal.aborted) showWhyNot(asking, error, cancel.signal.aborted, box, showing.end);
    })
    .finally(() => {
      clearTimeout(patience);
      signal.removeEventListener("abort", stop);
      cancel.abort();
    });
}

/** Shows one result after the other. Each ends what the one before has started. Rethrows an error of `show`. */
function shower({ body, signal, show, shownResult }: Asking): { show(result: unknown): void; end(): void } {
  let attempt = new AbortController();
  return {
    end: () => attempt.abort(),
    show: (result) => {
      try {
        if (shownResult?.isHere() && shownResult.replace(result)) return;
        attempt.abort();
        attempt = new AbortController();
        body.replaceChildren();
        show(result, AbortSignal.any([signal, attempt.signal]));
      } catch (error) {
        console.error("tracebench: an answer could not be shown.", error);
        attempt.abort();
        throw error;
      }
    },
  };
}

/** Replaces the progress, so that a shown part stays; without progress, replaces everything. */
function showWhyNot(asking: Asking, error: unknown, cancelled: boolean, progress: HTMLElement, end: () => void): void {
  const { root, body, request } = asking;
  const absent = isAbsent(error);
  // Empty code means that Python cannot compute it either.
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
    again.addEventListener("click", () => {
      end();
      askAndShow(asking);
    });
    box.append(again);
  }
  const instead = absent ? asking.instead?.() : null;
  if (instead) box.append(instead);
  if (body.contains(progress)) progress.replaceWith(box);
  else body.replaceChildren(box);
}
