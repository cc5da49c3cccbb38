import { expect, test } from "vitest";
import { legend } from "../../src/attention/legend";
import { WHOLE } from "../../src/attention/tint";
import { css, sequential } from "../../src/color";
import { all, one, watched } from "../made";

test("the scale has the colours of the theme, and is drawn anew for another theme or another scale alone", () => {
  const { el, update } = legend({ what: "the attention", most: "largest of the rest" });
  document.body.replaceChildren(el);
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
  expect(one(el, "span").textContent).toContain("largest of the rest 0.25");
  expect(drawn({ top: 0.25, from: 1, empty: true }, true)).toEqual([true, dark]);
  expect(one(el, "span").textContent).toContain("this row has nothing else");
});
