// One self-contained ESM per widget (a notebook loads each from a blob, where no relative import resolves), its style
// sheet beside it, and the host of saved pages as a classic script. No code splitting, no network address.
import { readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build, context } from "esbuild";

const here = fileURLToPath(new URL(".", import.meta.url));
const outdir = join(here, "../tracebench/static");
const source = (name) => join(here, "src", name);

const views = readdirSync(source("views")).map((file) => [basename(file).replace(/\.(ts|css)$/, ""), join("views", file)]);
const sheets = views.filter(([, file]) => file.endsWith(".css"));
const modules = views.filter(([, file]) => file.endsWith(".ts"));

const shared = { bundle: true, minify: true, target: "es2022", charset: "utf8", outdir, logLevel: "warning" };
const options = [
  {
    ...shared,
    format: "esm",
    define: { "define.amd": "false" },
    entryPoints: Object.fromEntries(
      [...modules, ["selection", "selection_model.ts"], ["answers", "answers_model.ts"], ["workbench", "workbench.ts"]].map(
        ([name, file]) => [name, source(file)],
      ),
    ),
  },
  { ...shared, entryPoints: Object.fromEntries([...sheets, ["workbench", "workbench.css"]].map(([n, f]) => [n, source(f)])) },
  { ...shared, format: "iife", entryPoints: { offline: source("offline/host.ts") } },
];

if (process.argv.includes("--watch")) for (const each of options) await (await context(each)).watch();
else await Promise.all(options.map((each) => build(each)));
