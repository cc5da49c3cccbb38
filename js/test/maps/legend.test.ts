import { expect, test } from "vitest";
import { legend } from "../../src/maps/legend";
import { WHOLE } from "../../src/maps/tint";
import { css, sequential } from "../../src/ui/color";
import { all, one, watched } from "../made";

test("the scale has the colours of the theme, and is drawn again only for another theme or scale", () => {
  const { el, note, update } = legend({ what: "attention weight", most: "the largest of the rest" });
  document.body.replaceChildren(el, note);
  const last = () => all(el, "rect").at(-1)?.getAttribute("fill");
  const drawn = (...how: Parameters<typeof update>) => {
    const told = watched(el);
    update(...how);
    return [told().length > 0, last()];
  };
  const [light, dark] = [false, true].map((theme) => css(sequential(39.5 / 40, theme)));
  expect(drawn(WHOLE, false)).toEqual([true, light]);
  expect(drawn({ ...WHOLE }, false)).toEqual([false, light]);
  expect(drawn(WHOLE, true)).toEqual([true, dark]);
  expect(drawn({ top: 0.25, from: 1 }, true)).toEqual([true, dark]);
  const said = () => all(note, "span:not([data-out])").map((each) => each.textContent);
  expect(said()).toEqual(["scale: 0 to 0.25, the largest of the rest"]);
  expect(drawn({ top: 0.25, from: 1, empty: true }, true)).toEqual([true, dark]);
  expect(said()).toEqual(["scale: only position 0 has weight in this row"]);
  // The hidden sentence keeps its place, and the name of the scale stays.
  expect(drawn(WHOLE, true)).toEqual([true, dark]);
  expect(said()).toEqual(["scale: 0 to 1"]);
  expect(all(note, "span")).toHaveLength(2);
  expect(one(el, "span").textContent).toBe("attention weight (square-root colour scale)");
});
