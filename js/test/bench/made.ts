// A bench made by hand: its tree, and a bench with views that the test writes.

import workbench from "../../src/bench/workbench";
import { type Message, settled, show, traceTree } from "../made";

/** The workbench tree of one text. */
export function benchTree(change: object = {}) {
  return { kind: "workbench", code: "bench\n", continues: [] as number[], notes: [null], ...change };
}

/** The state of a bench without views. */
export function benchState(trace: object = traceTree(), change: object = {}) {
  return { _traces: [trace], _data: benchTree(change) };
}

/** The part of a widget model that tests use. */
export interface ChildModel {
  get(name: string): unknown;
  set(name: string, value: unknown): void;
}

export interface ChildView {
  stem: string;
  definition: object;
  /** Set when the child begins, because the children of a test share one page without state. */
  state?: Record<string, unknown>;
  onModel?: (model: ChildModel) => void;
}

export interface BenchSpec {
  data?: object;
  traces?: object[];
  later?: object[];
  arrangement?: unknown;
  offline?: boolean;
  reply?: (message: Message) => object | undefined;
}

/** Shows a bench of these views, in this order. */
export async function showBench(
  views: readonly ChildView[],
  { data = benchTree(), traces = [traceTree()], arrangement, ...how }: BenchSpec = {},
) {
  const begun = ({ definition, state = {}, onModel }: ChildView) => ({
    ...definition,
    initialize: ({ model }: { model: ChildModel }) => {
      onModel?.(model);
      for (const [name, value] of Object.entries(state)) model.set(name, value);
    },
  });
  const children = Object.fromEntries(views.map((view, i) => [`child-${i}`, begun(view)]));
  const references = Object.keys(children).map((name) => `anywidget:${name}`);
  const state = {
    _traces: traces,
    _data: data,
    views: references,
    _stems: views.map(({ stem }) => stem),
    arrangement: arrangement ?? null,
  };
  const made = await show(workbench, state, { ...how, children });
  await settled();
  return made;
}
