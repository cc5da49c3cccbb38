import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { expect, test } from "vitest";

const SRC = resolve(__dirname, "../src");

/** File -> the files that it names, for their types too. */
function imports(): Map<string, string[]> {
  const files = readdirSync(SRC, { recursive: true, encoding: "utf-8" }).filter((name) => name.endsWith(".ts"));
  return new Map(
    files.map((name) => {
      const named = readFileSync(join(SRC, name), "utf-8").matchAll(/ from "(\.[^"]+)"/g);
      return [name, [...named].map(([, path = ""]) => `${relative(SRC, resolve(SRC, dirname(name), path))}.ts`)];
    }),
  );
}

test("no file names itself by way of others, not even for a type", () => {
  const named = imports();
  const circles: string[] = [];
  const done = new Set<string>();
  const walk = (name: string, path: readonly string[]) => {
    if (path.includes(name)) circles.push([...path.slice(path.indexOf(name)), name].join(" > "));
    if (path.includes(name) || done.has(name)) return;
    for (const other of named.get(name) ?? []) walk(other, [...path, name]);
    done.add(name);
  };
  for (const name of named.keys()) walk(name, []);
  expect(named.size).toBeGreaterThan(50);
  expect(circles).toEqual([]);
});
