// Starts a saved page: reads its block, answers in place of a kernel, and shows the bench instead of the static part.
// Makes no network request. If anything fails, the static part stays, and one sentence says so.

import { makeHost } from "./afm";
import { boundsOf } from "./bounds";
import { fitFrame } from "./frame";
import { bakedKernel } from "./kernel";
import { linkAddress } from "./link";
import { chunksOf, readPage } from "./page";
import { PAGE_CSS, themeButton } from "./paper";

export type Load = (code: string) => Promise<{ default: unknown }>;

/** Loads a module from its text, by a blob, without a network. */
const loadBlob: Load = async (code) => {
  const url = URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
  try {
    return await import(url);
  } finally {
    URL.revokeObjectURL(url);
  }
};

/** Runs until the signal aborts; a page runs as long as its document. */
export async function openPage(document: Document, load = loadBlob, signal = new AbortController().signal): Promise<void> {
  const main = document.querySelector("main");
  const live = document.createElement("main");
  try {
    const block = document.getElementById("tracebench-state")?.textContent;
    if (!block) throw new Error("the page carries no state");
    const page = await readPage(block);
    const host = makeHost(page, bakedKernel(page.baked, chunksOf(document)), load);
    const selection = page.widgets[page.root]?.state.selection;
    if (selection) linkAddress(host.model(String(selection)), boundsOf(page), signal);
    document.head.append(Object.assign(document.createElement("style"), { textContent: PAGE_CSS }));
    // Attach it before drawing, because views measure their room.
    live.className = "tb-page";
    document.body.append(live);
    if (main) main.hidden = true;
    await host.render(page.root, live, signal);
    const failed = live.querySelector(':scope > [data-state="error"]');
    if (failed) throw new Error(failed.textContent ?? "the bench failed");
    live.append(themeButton(document));
    main?.remove();
    fitFrame(document);
  } catch (error) {
    console.error("tracebench: the page could not be brought to life.", error);
    live.remove();
    const sentence = document.createElement("p");
    sentence.setAttribute("role", "alert");
    const why = error instanceof Error ? error.message : String(error);
    sentence.textContent = `The interactive part could not be shown (${why}). The text above is right without it.`;
    if (main) main.hidden = false;
    main?.append(sentence);
  }
}

// Start the page that holds this script. In a test there is none; the test starts its own.
if (document.getElementById("tracebench-state")) void openPage(document);
