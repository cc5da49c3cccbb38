// Builds one self-contained ESM per widget, because a notebook loads each from a blob, where no relative import resolves.
// Beside it lies its style sheet. The host of saved pages is a classic script. There is no code splitting and no network address.
// `manifest.json` lists the bundles; it is written last, so that it stands only beside a complete build.
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build, context } from "esbuild";

const here = fileURLToPath(new URL(".", import.meta.url));
const outdir = join(here, "../tracebench/static");
const source = (file) => join(here, "src", file);

// A folder with a `view.ts` is a view; the folder's name is the stem of the view on both sides.
const stems = readdirSync(source("."))
  .filter((folder) => existsSync(source(`${folder}/view.ts`)))
  .sort();
const views = Object.fromEntries(stems.map((stem) => [stem, { js: `${stem}/view.ts`, css: `${stem}/view.css` }]));
const others = {
  answers: { js: "requests/answers_model.ts" },
  offline: { js: "offline/host.ts" },
  selection: { js: "selection_model.ts" },
  trace_data: { js: "trace_model.ts" },
  workbench: { js: "bench/workbench.ts", css: "bench/workbench.css" },
};

const entries = Object.entries({ ...views, ...others });
const entryPoints = (kind, wanted) =>
  Object.fromEntries(
    entries.filter(([name, each]) => each[kind] && wanted(name)).map(([name, each]) => [name, source(each[kind])]),
  );
const isScript = (name) => name === "offline";

const shared = { bundle: true, minify: true, target: "es2022", charset: "utf8", outdir, logLevel: "warning" };
const options = [
  { ...shared, format: "esm", define: { "define.amd": "false" }, entryPoints: entryPoints("js", (name) => !isScript(name)) },
  { ...shared, entryPoints: entryPoints("css", () => true) },
  { ...shared, format: "iife", entryPoints: entryPoints("js", isScript) },
];

const named = (bundles) =>
  Object.fromEntries(Object.entries(bundles).map(([name, kinds]) => [name, Object.keys(kinds).map((kind) => `${name}.${kind}`)]));
const manifest = { views: named(views), others: named(others) };
const listed = Object.values({ ...manifest.views, ...manifest.others }).flat();

/** The wheel takes the whole folder, so what an older build left there goes. */
function clear() {
  mkdirSync(outdir, { recursive: true });
  for (const file of readdirSync(outdir)) if (!listed.includes(file)) rmSync(join(outdir, file), { recursive: true });
}

clear();
if (process.argv.includes("--watch")) for (const each of options) await (await context(each)).watch();
else await Promise.all(options.map((each) => build(each)));
writeFileSync(join(outdir, "manifest.json"), `${JSON.stringify(manifest, null, 2)}\n`);
