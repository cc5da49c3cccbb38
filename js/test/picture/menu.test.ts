import { afterEach, expect, test, vi } from "vitest";
import { menu, viewMenu } from "../../src/picture/menu";
import { copyText } from "../../src/ui/copy";
import { element } from "../../src/ui/dom";
import { all, key, one, settled } from "../made";

const life = new AbortController();

function made() {
  const root = element("section", { class: "tb" });
  document.body.replaceChildren(root);
  const take = { name: "lens", code: () => "tb.LogitLens()", csv: () => "a,b\r\n1,2\r\n" };
  root.append(viewMenu(root, take, life.signal));
  const opener = one(root, ".tb-menu-button");
  opener.click();
  return { root, opener, panel: one(root, ".tb-popup-panel"), items: all(root, "[role=menuitem]") };
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

test("after two quick copies the label comes back", async () => {
  vi.useFakeTimers();
  clipboard(async () => {});
  const button = element("button", {}, "Copy code");
  await copyText("x", button);
  vi.advanceTimersByTime(1_000);
  await copyText("x", button);
  vi.advanceTimersByTime(1_000);
  expect(button.textContent).toBe("Copied");
  vi.advanceTimersByTime(500);
  expect(button.textContent).toBe("Copy code");
});

test("after an item the focus is back on the menu's button", async () => {
  vi.useFakeTimers();
  clipboard(async () => {});
  const { opener, panel, items } = made();
  items[0]?.focus();
  items[0]?.click();
  await settled();
  vi.advanceTimersByTime(1_000);
  expect([panel.hidden, document.activeElement]).toEqual([true, opener]);
});

test("an item that fails says so, and the menu stays", async () => {
  const root = element("section", { class: "tb" });
  document.body.replaceChildren(root);
  const run = () => {
    throw new Error("the disk is full");
  };
  root.append(menu([{ label: "Save", run }], life.signal));
  one(root, ".tb-menu-button").click();
  one(root, "[role=menuitem]").click();
  await settled();
  const said = one(root, "[role=alert]");
  expect([said.hidden, said.textContent]).toEqual([false, "This did not work: the disk is full"]);
  expect(one(root, ".tb-popup-panel").hidden).toBe(false);
});

for (const [why, write] of [
  ["refuses", () => Promise.reject(new Error("denied"))],
  ["has none", undefined],
] as const) {
  test(`where a page ${why} the clipboard, the text is shown to be selected`, async () => {
    clipboard(write);
    const { root } = made();
    const copying = copyText("tb.LogitLens()", root);
    await vi.waitFor(() => expect((one(root, "dialog textarea") as HTMLTextAreaElement).value).toBe("tb.LogitLens()"));
    one(root, "dialog button").click();
    await copying;
    expect(root.querySelector("dialog")).toBeNull();
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
