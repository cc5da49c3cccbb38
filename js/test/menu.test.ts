import { afterEach, expect, test, vi } from "vitest";
import { copyText } from "../src/copy";
import { element } from "../src/dom";
import { viewMenu } from "../src/menu";
import { all, key, one } from "./made";

const life = new AbortController();

function made() {
  const root = element("section", { class: "tb" });
  document.body.replaceChildren(root);
  const take = { name: "lens", code: () => "tb.LogitLens()", csv: () => "a,b\r\n1,2\r\n" };
  root.append(viewMenu(root, take, life.signal));
  const opener = one(root, ".tb-menu-button");
  opener.click();
  return { root, opener, panel: one(root, "[role=menu]"), items: all(root, "[role=menuitem]") };
}

function clipboard(writeText: ((text: string) => Promise<void>) | undefined) {
  Object.defineProperty(navigator, "clipboard", { configurable: true, value: writeText && { writeText } });
}

afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

test("it opens, takes the focus, goes round by arrow keys, and closes by Escape or a click elsewhere", () => {
  const { opener, panel, items } = made();
  expect([panel.hidden, opener.getAttribute("aria-expanded")]).toEqual([false, "true"]);
  expect(document.activeElement).toBe(items[0]);
  key(items[0] as Element, "ArrowUp");
  expect(document.activeElement).toBe(items.at(-1));
  key(items[0] as Element, "Escape");
  expect([panel.hidden, document.activeElement]).toEqual([true, opener]);
  opener.click();
  document.body.dispatchEvent(new Event("pointerdown", { bubbles: true }));
  expect(panel.hidden).toBe(true);
});

test("code goes to the clipboard, and the item says so", async () => {
  const writeText = vi.fn(async () => {});
  clipboard(writeText);
  const { items } = made();
  items[0]?.click();
  await vi.waitFor(() => expect(items[0]?.textContent).toBe("Copied"));
  expect(writeText).toHaveBeenCalledWith("tb.LogitLens()");
});

for (const [why, write] of [
  ["refuses", () => Promise.reject(new Error("denied"))],
  ["has none", undefined],
] as const) {
  test(`where a page ${why} the clipboard, the text is shown to be selected`, async () => {
    clipboard(write);
    const { root } = made();
    await copyText("tb.LogitLens()", root);
    const area = one(root, "dialog textarea") as HTMLTextAreaElement;
    expect(area.value).toBe("tb.LogitLens()");
    one(root, "dialog button").click();
  });
}

test("numbers are saved as a file named for the view", async () => {
  const blobs: Blob[] = [];
  vi.spyOn(URL, "createObjectURL").mockImplementation((blob) => {
    blobs.push(blob as Blob);
    return "blob:x";
  });
  const names: string[] = [];
  vi.spyOn(HTMLAnchorElement.prototype, "click").mockImplementation(function (this: HTMLAnchorElement) {
    names.push(this.download);
  });
  const { items } = made();
  items[1]?.click();
  expect(names).toEqual(["lens.csv"]);
  expect(await blobs[0]?.text()).toBe("a,b\r\n1,2\r\n");
});
