// Turns a view, a function of its context, into an anywidget. Only this file and `offline/` know anywidget.

import type { Answers, Ask } from "./requests/ask";
import type { Request } from "./requests/request";
import type { Selection } from "./selection";
import type { SyncedModel } from "./synced";
import { Synced } from "./synced";
import { element } from "./ui/dom";
import { decode } from "./wire";

export interface Context<Data = unknown> {
  /** The root of the view. `data-view` is set; the view sets `data-state`. */
  el: HTMLElement;
  data: Data;
  /** The request of the view; null if it asks nothing. */
  request: Request | null;
  selection: Selection;
  ask: Ask;
  answers: Answers;
  /** A trait that the reader sets. All displays of the widget, Python and a saved page share its value. */
  synced: (name: string) => Synced;
  /** The views inside this one. */
  children: Child[];
  /** Aborts when the view ends; everything that the view starts must end with it. */
  signal: AbortSignal;
}

export interface Child {
  stem: string;
  /** Its first request, and its follow-up request. */
  request: Request | null;
  asked: Synced;
  render(el: HTMLElement, signal: AbortSignal): Promise<void>;
}

export type View<Data = unknown> = (context: Context<Data>) => void;

type Model = SyncedModel;

interface Host {
  getModel(ref: string): Promise<Model>;
  getWidget(ref: string): Promise<{
    exports: unknown;
    render(options: { el: HTMLElement; signal: AbortSignal }): Promise<void>;
  }>;
}

interface RenderProps {
  model: Model;
  el: HTMLElement;
  host?: Host;
  signal?: AbortSignal;
}

/** Makes the default export of a view's bundle. */
export function widget<Data>(stem: string, view: View<Data>) {
  return {
    async render({ model, el, host, signal }: RenderProps): Promise<() => void> {
      // Older hosts give no signal, but call the returned function; both end the view.
      const life = new AbortController();
      signal?.addEventListener("abort", () => life.abort());
      if (signal?.aborted) life.abort();
      const root = element("section", {
        class: `tb tb-${stem.replaceAll("_", "-")}`,
        "data-view": stem,
        "data-state": "loading",
      });
      el.append(root);
      life.signal.addEventListener("abort", () => root.remove());
      try {
        await mount(stem, view, model, root, host, life.signal);
      } catch (error) {
        if (!life.signal.aborted) showFailure(root, error);
      }
      return () => life.abort();
    },
  };
}

async function mount<Data>(
  stem: string,
  view: View<Data>,
  model: Model,
  root: HTMLElement,
  host: Host | undefined,
  signal: AbortSignal,
): Promise<void> {
  if (!host) throw new Error("This notebook's anywidget is older than 0.11, which composes widgets: please update it.");
  const [selection, answers, children] = await Promise.all([
    host.getWidget(String(model.get("selection"))).then(({ exports }) => exports as Selection),
    host.getWidget(String(model.get("_answers"))).then(({ exports }) => exports as Answers),
    childrenOf(model, host),
  ]);
  let inner = new AbortController();
  const draw = () => {
    inner.abort();
    inner = new AbortController();
    root.replaceChildren();
    root.dataset.state = "loading";
    try {
      const data = decode(model.get("_data") ?? {}) as Data;
      const request = (model.get("_request") ?? null) as Request | null;
      const synced = (name: string) => new Synced(model, name);
      view({ el: root, data, request, selection, ask: answers.ask, answers, synced, children, signal: inner.signal });
    } catch (error) {
      console.error(`tracebench: the view ${stem} failed.`, error);
      inner.abort();
      showFailure(root, error);
    }
  };
  if (signal.aborted) return;
  draw();

  // Data and request often change together: draw once for both.
  let waiting = false;
  const changed = () => {
    if (waiting) return;
    waiting = true;
    queueMicrotask(() => {
      waiting = false;
      if (!signal.aborted) draw();
    });
  };
  for (const event of ["change:_data", "change:_request"]) {
    model.on(event, changed);
    signal.addEventListener("abort", () => model.off(event, changed));
  }
  signal.addEventListener("abort", () => inner.abort());
}

function childrenOf(model: Model, host: Host): Promise<Child[]> {
  const references = (model.get("views") ?? []) as string[];
  const stems = (model.get("_stems") ?? []) as string[];
  return Promise.all(
    references.map(async (reference, i) => {
      const [child, childModel] = await Promise.all([host.getWidget(reference), host.getModel(reference)]);
      return {
        stem: stems[i] ?? "",
        request: (childModel.get("_request") ?? null) as Request | null,
        asked: new Synced(childModel, "_asked"),
        render: (el: HTMLElement, signal: AbortSignal) => child.render({ el, signal }),
      };
    }),
  );
}

function showFailure(root: HTMLElement, error: unknown): void {
  root.dataset.state = "error";
  const sentence = error instanceof Error ? error.message : String(error);
  root.replaceChildren(element("p", { class: "tb-state tb-error", role: "alert" }, sentence));
}
