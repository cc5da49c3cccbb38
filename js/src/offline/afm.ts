// Runs the widgets of a page by anywidget's front-end-module contract: any anywidget, not only ours.

import { StaticModel } from "./model";
import type { SavedPage } from "./page";

type Cleanup = undefined | (() => void);
interface Definition {
  initialize?: (props: object) => unknown;
  render?: (props: object) => Cleanup | Promise<Cleanup>;
}

interface Live {
  model: StaticModel;
  definition: Definition;
  exports: unknown;
}

export interface Host {
  model(reference: string): StaticModel;
  render(name: string, el: HTMLElement, signal: AbortSignal): Promise<void>;
}

const experimental = { invoke: () => Promise.reject(new Error("This saved page has no kernel.")) };

export function makeHost(
  page: SavedPage,
  kernel: (model: StaticModel, message: unknown) => void,
  load: (code: string) => Promise<{ default: unknown }>,
): Host {
  const models = new Map(Object.entries(page.widgets).map(([name, { state }]) => [name, new StaticModel(state, kernel)]));
  const modules = new Map<string, Promise<{ default: unknown }>>();
  const styled = new Set<string>();
  const started = new Map<string, Promise<Live>>();
  const forever = new AbortController().signal;

  const modelOf = (reference: string) => {
    const model = models.get(reference.replace(/^(anywidget:|IPY_MODEL_)/, ""));
    if (!model) throw new Error(`This page has no widget ${reference}.`);
    return model;
  };

  const start = async (name: string): Promise<Live> => {
    const { esm, css } = page.widgets[name] ?? { esm: null, css: null };
    const model = modelOf(name);
    if (css && !styled.has(css)) {
      styled.add(css);
      document.head.append(Object.assign(document.createElement("style"), { textContent: page.code[css] }));
    }
    // Widgets with the same code share one module, as in a notebook.
    if (esm && !modules.has(esm)) modules.set(esm, load(page.code[esm] ?? ""));
    const exported = (await modules.get(esm ?? ""))?.default ?? {};
    const definition = (typeof exported === "function" ? await exported() : exported) as Definition;
    const exports = await definition.initialize?.({ model, signal: forever, experimental });
    return { model, definition, exports: typeof exports === "object" ? exports : undefined };
  };
  const startOnce = (reference: string) => {
    const name = reference.replace(/^(anywidget:|IPY_MODEL_)/, "");
    const live = started.get(name) ?? start(name);
    started.set(name, live);
    return live;
  };

  const render = async (reference: string, el: HTMLElement, signal: AbortSignal) => {
    const { model, definition } = await startOnce(reference);
    const host = {
      getModel: async (ref: string) => modelOf(ref),
      getWidget: async (ref: string) => ({
        exports: (await startOnce(ref)).exports,
        render: (options: { el: HTMLElement; signal?: AbortSignal }) => render(ref, options.el, options.signal ?? signal),
      }),
    };
    const cleanup = await definition.render?.({ model, el, signal, host, experimental });
    if (typeof cleanup === "function") signal.addEventListener("abort", () => cleanup());
  };
  return { model: modelOf, render };
}
