// Turns a view, a function of its context, into an anywidget. Only this file and `offline/` know anywidget.

import type { Answers, Ask } from "./requests/ask";
import type { Alternative, Request } from "./requests/request";
import { requestKey } from "./requests/request";
import type { Selection } from "./selection";
import type { SyncedModel } from "./synced";
import { Synced } from "./synced";
import type { Trace } from "./trace";
import type { SharedSelection, Traces } from "./traces";
import { element, focusedIn } from "./ui/dom";

interface Shared {
  /** The widget's own root: `data-view` is set, `data-state` is the widget's to set. */
  el: HTMLElement;
  selection: Selection;
  answers: Answers;
  /** All traces of the bench. */
  traces: Traces;
  /** A part of the widget's state that the reader sets. All displays, Python and a saved page share it. */
  synced: (name: string) => Synced;
  /** Aborts when the widget ends; everything that it started ends too. */
  signal: AbortSignal;
}

/** What a view gets. It is drawn again for every selected trace. */
export interface Context<Data = unknown> extends Shared {
  /** The selected trace, and more data of the view. Without the trace if its request is about none. */
  data: Data;
  /** The first request about the selected trace; null if the view asks nothing. */
  request: Request | null;
  /** The requests that it offers instead. */
  alternatives: readonly Alternative[];
  ask: Ask;
  /** Keeps the reader's choices when the view is drawn again: returns `first`, or the object that an earlier call got. */
  remember: <Choices extends object>(first: Choices) => Choices;
}

export type View<Data = unknown> = (context: Context<Data>) => void;

/** What the bench gets. It is drawn once, and follows the selected trace itself. */
export interface Around extends Shared {
  children: Child[];
}

/** A view inside the bench. */
export interface Child {
  stem: string;
  /** The first request for each trace. */
  requests(): (Request | null)[];
  /** The requests that it offers instead, for each trace. */
  alternatives(): Alternative[][];
  /** The follow-up requests. */
  asked: Synced;
  /** Calls back when one of these changes. */
  on(callback: () => void, signal: AbortSignal): void;
  render(el: HTMLElement, signal: AbortSignal): Promise<void>;
}

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

type Draw = (shared: Shared, model: Model, host: Host) => void | Promise<void>;

/** The default export of a view's bundle. */
export function widget<Data>(stem: string, view: View<Data>) {
  return rendering(stem, (shared, model) => drawForEachTrace(stem, view, shared, model));
}

/** The default export of the bundle of a widget that contains views. */
export function container(stem: string, draw: (around: Around) => void) {
  return rendering(stem, async (shared, model, host) => {
    const children = await childrenOf(model, host);
    if (!shared.signal.aborted) draw({ ...shared, children });
  });
}

function rendering(stem: string, draw: Draw) {
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
        if (!host) {
          throw new Error("This notebook has an anywidget older than 0.11. Update it: pip install -U anywidget");
        }
        const shared = await sharedOf(model, root, host, life.signal);
        if (!life.signal.aborted) await draw(shared, model, host);
      } catch (error) {
        if (!life.signal.aborted) showFailure(root, stem, error);
      }
      return () => life.abort();
    },
  };
}

async function sharedOf(model: Model, el: HTMLElement, host: Host, signal: AbortSignal): Promise<Shared> {
  const exported = async <Of>(reference: unknown) => (await host.getWidget(String(reference))).exports as Of;
  const [selection, answers] = await Promise.all([
    exported<SharedSelection>(model.get("selection")),
    exported<Answers>(model.get("_answers")),
  ]);
  const open = async (reference: string) => (await exported<{ trace: Trace }>(reference)).trace;
  const traces = await selection.traces(model, open, signal);
  return { el, selection, answers, traces, synced: (name) => new Synced(model, name), signal };
}

function drawForEachTrace<Data>(stem: string, view: View<Data>, shared: Shared, model: Model): void {
  const { el: root, selection, answers, traces, signal } = shared;
  let inner = new AbortController();
  let drawn: unknown[] = [];
  let remembered: object | null = null;
  const remember = <Choices extends object>(first: Choices) => {
    remembered ??= first;
    return remembered as Choices;
  };
  const draw = (trace: Trace | null, request: Request | null, alternatives: Alternative[]) => {
    const focused = root.contains(focusedIn(root));
    inner.abort();
    inner = new AbortController();
    keepHeight(root, inner.signal);
    root.replaceChildren();
    root.dataset.state = "loading";
    try {
      const requests = listOf<Request | null>(model, "_requests");
      const template = requests.find((each) => each?.traces.length === 1);
      if (!request && template) {
        const asks = !answers.offline && trace && (template.target === null || trace.steps > 0);
        const ask = () => {
          // Read them now: a trace may have been added since the view was drawn.
          const now = listOf<Request | null>(model, "_requests");
          const next = Array.from({ length: Math.max(now.length, traces.all.length) }, (_, i) => now[i] ?? null);
          next[traces.index] = { ...template, traces: [trace?.hash ?? ""] };
          shared.synced("_requests").set(next);
        };
        showNotAsked(root, stem, asks ? ask : null);
      } else {
        const data = { ...trace, ...(answers.decode(model.get("_data") ?? {}) as object) } as Data;
        view({ ...shared, data, request, alternatives, ask: answers.ask, remember, signal: inner.signal });
      }
    } catch (error) {
      inner.abort();
      showFailure(root, stem, error);
    }
    // The focus stays in the view, so that the page does not jump to its top.
    if (focused && !root.contains(focusedIn(root))) {
      root.tabIndex = -1;
      root.focus({ preventScroll: true });
    }
  };
  const update = () => {
    if (signal.aborted) return;
    const request = listOf<Request | null>(model, "_requests")[traces.index] ?? null;
    const trace = request?.traces.length === 0 ? null : traces.selected;
    // The trace is still loading: the old drawing stays, and follows nothing.
    if (trace === undefined) {
      inner.abort();
      drawn = [];
      return;
    }
    const alternatives = listOf<Alternative[]>(model, "_alternatives")[traces.index] ?? [];
    const keys = [request, ...alternatives.map((each) => each.request)].map((each) => each && requestKey(each));
    const now = [model.get("_data"), trace, ...keys];
    if (now.length === drawn.length && now.every((each, i) => each === drawn[i])) return;
    drawn = now;
    draw(trace, request, alternatives);
  };
  // Listen before the view does: another trace ends the view before it could draw it.
  selection.on(update, signal);
  traces.on(update, signal);
  update();

  // Traits that change together cause one drawing.
  let waiting = false;
  const changed = () => {
    if (waiting) return;
    waiting = true;
    queueMicrotask(() => {
      waiting = false;
      update();
    });
  };
  for (const name of ["_data", "_requests", "_alternatives"]) shared.synced(name).on(changed, signal);
  signal.addEventListener("abort", () => inner.abort());
}

function listOf<Of>(model: Model, name: string): Of[] {
  return (model.get(name) ?? []) as Of[];
}

function childrenOf(model: Model, host: Host): Promise<Child[]> {
  const stems = listOf<string>(model, "_stems");
  return Promise.all(
    listOf<string>(model, "views").map(async (reference, i) => {
      const [child, own] = await Promise.all([host.getWidget(reference), host.getModel(reference)]);
      return {
        stem: stems[i] ?? "",
        requests: () => listOf<Request | null>(own, "_requests"),
        alternatives: () => listOf<Alternative[]>(own, "_alternatives"),
        asked: new Synced(own, "_asked"),
        on: (callback: () => void, signal: AbortSignal) => {
          for (const name of ["_requests", "_alternatives", "_asked"]) new Synced(own, name).on(callback, signal);
        },
        render: (el: HTMLElement, signal: AbortSignal) => child.render({ el, signal }),
      };
    }),
  );
}

/** Keeps the height of the view until it is drawn again, so that the page around it does not jump. */
function keepHeight(root: HTMLElement, signal: AbortSignal): void {
  root.style.minHeight = root.childElementCount > 0 ? `${root.offsetHeight}px` : "";
  const seen = new MutationObserver(() => {
    if (root.dataset.state === "loading") return;
    root.style.minHeight = "";
    seen.disconnect();
  });
  seen.observe(root, { attributeFilter: ["data-state"] });
  signal.addEventListener("abort", () => seen.disconnect());
}

/** Says that the view has a request for other traces, but not for this one. */
function showNotAsked(root: HTMLElement, stem: string, ask: (() => void) | null): void {
  const box = element(
    "div",
    { class: "tb-state", role: "note" },
    element("p", {}, "This question was not asked about this text."),
  );
  if (ask) {
    const button = element("button", { class: "tb-button", type: "button" }, "Ask");
    button.addEventListener("click", ask);
    box.append(button);
  }
  const name = stem.replaceAll("_", " ");
  root.append(element("header", { class: "tb-head" }, element("h2", {}, name.charAt(0).toUpperCase() + name.slice(1))), box);
  root.dataset.state = "absent";
}

function showFailure(root: HTMLElement, stem: string, error: unknown): void {
  console.error(`tracebench: the view ${stem} failed.`, error);
  root.dataset.state = "error";
  const sentence = error instanceof Error ? error.message : String(error);
  root.replaceChildren(element("p", { class: "tb-state tb-error", role: "alert" }, sentence));
}
