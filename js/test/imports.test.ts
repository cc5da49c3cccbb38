/// <reference types="vite/client" />
import { expect, test } from "vitest";

const SOURCES = import.meta.glob<string>("../src/**/*.ts", { query: "?raw", import: "default", eager: true });

/** The files that one names, for their types too. */
function namedBy(file: string): string[] {
  const paths = [...(SOURCES[file] ?? "").matchAll(/ from "(\.[^"]+)"/g)].map(([, path = ""]) => path);
  return paths.map((path) => `..${new URL(`${path}.ts`, `file:///${file.slice(3)}`).pathname}`);
}

test("no file names itself by way of others, not even for a type", () => {
  const circles: string[] = [];
  const done = new Set<string>();
  const walk = (file: string, path: readonly string[]) => {
    if (path.includes(file)) circles.push([...path.slice(path.indexOf(file)), file].join(" > "));
    if (path.includes(file) || done.has(file)) return;
    for (const other of namedBy(file)) walk(other, [...path, file]);
    done.add(file);
  };
  for (const file of Object.keys(SOURCES)) walk(file, []);
  expect(namedBy("../src/bench/save.ts")).toContain("../src/requests/ask.ts");
  expect(circles).toEqual([]);
});
