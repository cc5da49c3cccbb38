// The only file that knows anywidget: turns a view, a function of its context, into a widget.

import type { Answers, Ask } from "./requests/ask";
import type { Request } from "./requests/request";
import type { Selection } from "./selection";
import type { SyncedModel } from "./synced";
import { Synced } from "./synced";
import { element } from "./ui/dom";
import { decode } from "./wire";

export interface Context<Data = unknown> {
  /** The view's own root: `data-view` is set, `data-state` is the view's to set. */
  el: HTMLElement;
  data: Data;
  /** What the view asks for; null if it asks nothing. */
  request: Request | null;
  selection: Selection;
  ask: Ask;
  answers: Answers;
  /** A part of the widget's state that a person sets: every display of it, Python, and a saved page have the same. */
  synced: (name: string) => Synced;
  /** Views inside this one. */
  children: Child[];
  /** Everything a view starts ends with this. */
  signal: AbortSignal;
}

export interface Child {
  stem: string;
  /** What it asks unless it is asked something else, and what it was asked since. */
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

/** The default export of a view's bundle. */
export function widget<Data>(stem: string, view: View<Data>) {
  return {
    async render({ model, el, host, signal }: RenderProps): Promise<() => void> {
      // Older hosts give no signal and call what is returned instead; both end the same life.
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

  // Data and request often change together: one drawing for both.
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
