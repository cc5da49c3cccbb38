// A small field that adds a token to the lines. Asks for the same lens with one more watched token.

import type { Ask, Request } from "../ask";
import { element, freshId } from "../dom";

export interface WatchField {
  el: HTMLElement;
  /** Ask again without a token. */
  forget(index: number): void;
}

export function watchField(request: Request, ask: Ask, onAnswer: (result: unknown) => void, signal: AbortSignal): WatchField {
  const id = freshId("watch");
  const input = element("input", {
    id,
    class: "tb-input",
    type: "text",
    spellcheck: "false",
    autocomplete: "off",
    placeholder: "·Rome",
  });
  const add = element("button", { class: "tb-button", type: "submit" }, "Watch");
  const message = element("span", { class: "tb-note", role: "status" });
  const label = element(
    "label",
    { for: id, class: "tb-note", title: "One token, exactly; a leading space belongs to it" },
    "watch a token",
  );
  const form = element("form", { class: "tb-watch", "data-capture": "no" }, label, input, add, message);

  let watched = ((request.params.watch ?? []) as unknown[]).slice();
  const request_ = (watch: unknown[], done: () => void) => {
    add.disabled = true;
    message.className = "tb-note";
    message.textContent = "asking …";
    ask({ ...request, params: { ...request.params, watch } }, { signal })
      .then((result) => {
        watched = watch;
        message.textContent = "";
        done();
        onAnswer(result);
      })
      .catch((error: unknown) => {
        if (signal.aborted) return;
        message.className = "tb-error";
        message.textContent = error instanceof Error ? error.message : String(error);
      })
      .finally(() => {
        add.disabled = false;
      });
  };
  form.addEventListener(
    "submit",
    (event) => {
      event.preventDefault();
      // The dot is how a space is shown here, so it may be typed for one.
      const text = input.value.replaceAll("·", " ");
      if (!text || watched.includes(text)) return;
      request_([...watched, text], () => {
        input.value = "";
      });
    },
    { signal },
  );
  return {
    el: form,
    forget: (index) =>
      request_(
        watched.filter((_, i) => i !== index),
        () => {},
      ),
  };
}
