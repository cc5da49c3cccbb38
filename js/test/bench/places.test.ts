import { expect, test } from "vitest";
import type { Context } from "../../src/afm";
import { widget } from "../../src/afm";
import { arrangementIn, bringBack, hide, move, namesOf } from "../../src/bench/arrangement";
import { all, key, one, settled } from "../made";
import { showBench } from "./made";

const STEMS = ["generation", "lens_table", "token_scores"];
const USUAL = { order: STEMS, hidden: [], enlarged: null };

/** A bench of three small views, and a log of each. */
async function bench(arrangement: unknown = null) {
  const lives: string[] = [];
  const child = (stem: string) =>
    widget(stem, ({ el, selection, signal }: Context) => {
      lives.push(`${stem} begins`);
      signal.addEventListener("abort", () => lives.push(`${stem} ends`));
      const tell = () => {
        el.dataset.step = String(selection.fields.step);
      };
      tell();
      selection.on(tell, signal);
      el.tabIndex = 0;
    });
  const views = STEMS.map((stem) => ({ stem, definition: child(stem) }));
  const made = await showBench(views, { arrangement });
  const place = (name: string) => one(made.root, `.tb-place[data-name="${name}"]`);
  const tool = (name: string, what: string) => one(place(name), `[data-tool="${what}"]`);
  return { ...made, lives, place, tool, order: () => all(made.root, ".tb-place").map((el) => el.dataset.name) };
}

test("a hidden view is removed, asks nothing, and its button brings it back with the focus", async () => {
  const { root, model, lives, place, tool } = await bench();
  tool("lens_table", "hide").click();
  expect(model.get("arrangement")).toEqual({ ...USUAL, hidden: ["lens_table"] });
  expect([place("lens_table").hidden, place("lens_table").hasAttribute("data-hidden")]).toEqual([true, true]);
  expect(lives.at(-1)).toBe("lens_table ends");
  const chip = one(root, '.tb-away [data-name="lens_table"]');
  expect([document.activeElement, chip.getAttribute("aria-label")]).toEqual([chip, "Show lens table"]);
  chip.click();
  await settled();
  expect(lives.at(-1)).toBe("lens_table begins");
  expect([place("lens_table").hidden, one(root, ".tb-away").hidden]).toEqual([false, true]);
  expect(document.activeElement).toBe(tool("lens_table", "enlarge"));
});

test("a view that is hidden when the bench opens is not rendered", async () => {
  const { lives } = await bench({ hidden: ["token_scores"] });
  expect(lives).toEqual(["generation begins", "lens_table begins"]);
});

test("views move among the visible ones, and not past the ends", async () => {
  const { order, tool, lives } = await bench({ hidden: ["lens_table"] });
  tool("token_scores", "earlier").focus();
  tool("token_scores", "earlier").click();
  expect(order()).toEqual(["token_scores", "generation", "lens_table"]);
  expect(document.activeElement).toBe(tool("token_scores", "earlier"));
  expect(tool("token_scores", "earlier").getAttribute("aria-disabled")).toBe("true");
  tool("token_scores", "earlier").click();
  tool("token_scores", "later").click();
  expect(order()).toEqual(["generation", "token_scores", "lens_table"]);
  // No view was rendered again.
  expect(lives).toHaveLength(2);
});

test("an enlarged view has all the room, the others stay linked, and Escape restores it", async () => {
  const { root, model, place, tool, selection, lives } = await bench();
  tool("lens_table", "enlarge").click();
  expect(tool("lens_table", "enlarge").getAttribute("aria-pressed")).toBe("true");
  expect(["generation", "lens_table", "token_scores"].map((name) => place(name).hasAttribute("data-behind"))).toEqual([
    true,
    false,
    true,
  ]);
  expect(place("lens_table").hasAttribute("data-enlarged")).toBe(true);
  selection.set("_state", { seq: 7, fields: { step: 2, query: 4 } });
  expect(all(root, ".tb-place [data-view]").map((el) => el.dataset.step)).toEqual(["2", "2", "2"]);
  key(one(place("lens_table"), "[data-view]"), "Escape");
  expect(model.get("arrangement")).toEqual(USUAL);
  expect(key(one(place("lens_table"), "[data-view]"), "Escape")).toBe(true);
  expect(lives).toHaveLength(3);
});

test("the tools of a place are one stop, and arrow keys go round", async () => {
  const { place, tool } = await bench();
  const stops = () => all(place("generation"), ".tb-tool").filter((each) => each.tabIndex === 0);
  expect(stops()).toEqual([tool("generation", "earlier")]);
  // After the view: they stand at the end of its title line.
  expect([...place("generation").children].map(({ className }) => className)).toEqual(["tb-grip", "tb-room", "tb-tools"]);
  tool("generation", "enlarge").focus();
  key(tool("generation", "enlarge"), "ArrowRight");
  expect(document.activeElement).toBe(tool("generation", "hide"));
  key(tool("generation", "hide"), "ArrowRight");
  expect(document.activeElement).toBe(tool("generation", "earlier"));
  expect(stops()).toEqual([tool("generation", "earlier")]);
});

test("another display of the bench and Python change the arrangement", async () => {
  const { model, order, place } = await bench();
  model.set("arrangement", { order: ["lens_table"], hidden: ["generation"], enlarged: null });
  expect(order()).toEqual(["lens_table", "generation", "token_scores"]);
  expect(place("generation").hidden).toBe(true);
});

test("an arrangement that does not fit is ignored, and the bench says so", async () => {
  const { root, order, lives } = await bench({ order: ["radar"], hidden: ["radar"], enlarged: null });
  expect(order()).toEqual(STEMS);
  expect(lives).toHaveLength(3);
  expect(one(root, ".tb-away").textContent).toContain("does not fit the views of this bench");
});

test("an arrangement is data", () => {
  expect(namesOf(["a", "b", "a", "a"])).toEqual(["a", "b", "a-2", "a-3"]);
  expect(arrangementIn({ order: ["lens_table"] }, STEMS)).toEqual({
    ...USUAL,
    order: ["lens_table", "generation", "token_scores"],
  });
  for (const wrong of [
    null,
    7,
    { order: "generation" },
    { hidden: [3] },
    { enlarged: "x" },
    { hidden: ["generation"], enlarged: "generation" },
  ]) {
    expect(arrangementIn(wrong, STEMS)).toBeNull();
  }
  const enlarged = { ...USUAL, enlarged: "generation" };
  expect(hide(enlarged, "generation").enlarged).toBeNull();
  expect(bringBack(hide(enlarged, "lens_table"), "lens_table")).toEqual(USUAL);
  expect(move(USUAL, "generation", -1)).toBeNull();
});
