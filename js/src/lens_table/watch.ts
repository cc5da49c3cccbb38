// A field that adds a token to the lines. It asks for the same lens with one watched token more, or one less.

import type { Ask } from "../requests/ask";
import type { Request } from "../requests/request";
import { pieceOf } from "../tokens";
import { element, freshId } from "../ui/dom";
import type { Lens } from "./result";

export interface WatchField {
  el: HTMLElement;
  /** Whether an answer is awaited; until then no other token can be added. */
  readonly busy: boolean;
  /** Asks again without a token. */
  forget(id: number): void;
}

export interface Watching {
  request: Request;
  ask: Ask;
  /** The lens that is shown. */
  lens: () => Lens;
  onAnswer: (lens: Lens) => void;
  onBusy: () => void;
  signal: AbortSignal;
}

export function watchField({ request, ask, lens, onAnswer, onBusy, signal }: Watching): WatchField {
  const { form, input, add, cancel, message } = parts();
  let watched = ((request.params.watch ?? []) as unknown[]).slice();
  let asking: AbortController | null = null;
  const say = (sentence: string, failed = false) => {
    message.className = failed ? "tb-error" : "tb-note";
    message.textContent = sentence;
  };
  const become = (next: AbortController | null) => {
    asking = next;
    add.disabled = asking !== null;
    cancel.hidden = asking === null;
    onBusy();
  };
  const askFor = async (watch: unknown[]) => {
    const life = new AbortController();
    become(life);
    say("Loading …");
    try {
      const options = { signal: AbortSignal.any([signal, life.signal]) };
      const answer = await ask({ ...request, params: { ...request.params, watch } }, options);
      watched = watch;
      input.value = "";
      say("");
      onAnswer(answer as Lens);
    } catch (error) {
      if (life.signal.aborted) say("Cancelled.");
      else say(error instanceof Error ? error.message : String(error), true);
    }
    if (!signal.aborted) become(null);
  };
  const submit = (event: Event) => {
    event.preventDefault();
    // A space is shown as a dot, so the reader may type a dot for it.
    const text = input.value.replaceAll("·", " ");
    if (!text) return;
    if (watched.includes(text)) say("This token is already watched.");
    else void askFor([...watched, text]);
  };
  form.addEventListener("submit", submit, { signal });
  cancel.addEventListener("click", () => asking?.abort(), { signal });
  return {
    el: form,
    get busy() {
      return asking !== null;
    },
    forget: (id) => {
      // The pressed button disappears with its row.
      input.focus({ preventScroll: true });
      const ids = idsOf(watched, lens());
      void askFor(watched.filter((_, i) => ids[i] !== id));
    },
  };
}

/** The id of each watched token; a request names it by exact text or by id. The answer has each id once, where it is first named. */
function idsOf(watched: readonly unknown[], lens: Lens): number[] {
  const ids = lens.watched?.numbers("watched") ?? [];
  let first = 0;
  return watched.map((each) => {
    const before = ids.slice(0, first).find((id) => each === id || each === pieceOf(lens.vocab, id)[0]);
    return before ?? ids[first++] ?? -1;
  });
}

function parts() {
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
  const cancel = element("button", { class: "tb-button", type: "button", hidden: true }, "Cancel");
  const message = element("span", { class: "tb-note", role: "status" });
  const title = "Exactly one token; a leading space is part of it";
  const label = element("label", { for: id, class: "tb-note", title }, "watch a token");
  const form = element("form", { class: "tb-watch", "data-capture": "no" }, label, input, add, cancel, message);
  return { form, input, add, cancel, message };
}
