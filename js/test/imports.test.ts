// The rooms of the front end, and which of them may import which. Imports point down only.

/// <reference types="vite/client" />
import { expect, test } from "vitest";

/** A room is a folder of js/src, or a file at its root. It imports rooms of lower floors, and none of its own floor. */
const FLOORS: Record<string, number> = {
  listeners: 0,
  synced: 0,
  ui: 0,
  wire: 0,
  checks: 1,
  parts: 1,
  picture: 1,
  requests: 1,
  selection: 1,
  tokens: 1,
  slices: 2,
  trace: 2,
  maps: 3,
  trace_model: 3,
  traces: 3,
  afm: 4,
  flow: 4,
  selection_model: 4,
  bench: 5,
  offline: 5,
};
/** Views stand on the top floor, so no shared room imports one, and no view imports another. */
const VIEWS = 5;
const MOST_AT_THE_ROOT = 12;

const SOURCES = import.meta.glob<string>("../src/**/*.ts", { query: "?raw", import: "default", eager: true });
const SHEETS = import.meta.glob<string>("../src/**/*.css", { query: "?raw", import: "default", eager: true });
const FILES = { ...SOURCES, ...SHEETS };

/** The files that one imports, also for their types alone. */
function importsOf(file: string): string[] {
  const pattern = file.endsWith(".css") ? /@import "(\.[^"]+)"/g : /(?:\bfrom |\bimport |\bimport\()"(\.[^"]+)"/g;
  const paths = [...(FILES[file] ?? "").matchAll(pattern)].map(([, path = ""]) => path);
  return paths.map((path) => {
    const name = path.endsWith(".css") ? path : `${path}.ts`;
    return `..${new URL(name, `file:///${file.slice(3)}`).pathname}`;
  });
}

function roomOf(file: string): string {
  const [first = "", inside] = file.replace("../src/", "").split("/");
  return inside === undefined ? first.replace(/\.(ts|css)$/, "") : first;
}

const isView = (room: string) => `../src/${room}/view.ts` in SOURCES;
const floorOf = (room: string) => (isView(room) ? VIEWS : FLOORS[room]);

test("every import is found and resolves to a file", () => {
  expect(importsOf("../src/bench/save.ts")).toContain("../src/requests/ask.ts");
  expect(importsOf("../src/rollout/view.css")).toContain("../src/flow/flow.css");
  const missing = Object.keys(FILES).flatMap((file) => importsOf(file).filter((other) => !(other in FILES)));
  expect(missing).toEqual([]);
});

test("no import cycles, not even for types", () => {
  const circles: string[] = [];
  const done = new Set<string>();
  const walk = (file: string, path: readonly string[]) => {
    if (path.includes(file)) circles.push([...path.slice(path.indexOf(file)), file].join(" > "));
    if (path.includes(file) || done.has(file)) return;
    for (const other of importsOf(file)) walk(other, [...path, file]);
    done.add(file);
  };
  for (const file of Object.keys(FILES)) walk(file, []);
  expect(circles).toEqual([]);
});

test("every room has a floor, and every floor names a room that exists", () => {
  const rooms = new Set(Object.keys(FILES).map(roomOf));
  expect([...rooms].filter((room) => floorOf(room) === undefined)).toEqual([]);
  expect(Object.keys(FLOORS).filter((room) => !rooms.has(room) || isView(room))).toEqual([]);
});

test("a room imports lower floors only: no view imports another, and no shared room imports a view", () => {
  const wrong = Object.keys(FILES).flatMap((file) =>
    importsOf(file)
      .filter((other) => roomOf(other) !== roomOf(file) && !((floorOf(roomOf(other)) ?? 0) < (floorOf(roomOf(file)) ?? 0)))
      .map((other) => `${file} imports ${other}`),
  );
  expect(wrong).toEqual([]);
});

test("a view is a folder with a module and a style sheet", () => {
  const views = [...new Set(Object.keys(FILES).map(roomOf))].filter(isView);
  expect(views.length).toBeGreaterThan(0);
  expect(views.filter((view) => !(`../src/${view}/view.css` in SHEETS))).toEqual([]);
});

test("the root stays small", () => {
  expect(Object.keys(FILES).filter((file) => file.split("/").length === 3).length).toBeLessThanOrEqual(MOST_AT_THE_ROOT);
});
