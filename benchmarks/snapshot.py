"""All attention of a long text in a saved page: its size, the time to save and open it, and to show another head.

Budget: 30 layers x 9 heads x 512 tokens in compact form are under 10 MB. The page opens in Chromium in under 2 s, and paints
another head or step within 50 ms of a click. For comparison: the full form, and bertviz, whose page has 27.9 bytes a weight
(it writes all layers x heads x tokens x tokens weights as text, three times).
"""

import argparse
import statistics
import sys
import tempfile
import time
import warnings
from pathlib import Path

from playwright.sync_api import sync_playwright

import tracebench as tb
from benchmarks._measure import verdict
from tests.chromium import launch

TEXTS = sorted((Path(__file__).parent.parent / "docs").glob("*.md"))
#: Bytes a weight in the page of bertviz.
BERTVIZ = 27.9
CLICKS = 24

#: Records when every view of the page has its result, in milliseconds since the page began to load.
WATCH = """
new MutationObserver(() => {
  const states = [...document.querySelectorAll("[data-view]")].map((el) => el.dataset.state);
  if (states.length > 2 && states.every((state) => state === "ready")) window.readyAt ??= performance.now();
}).observe(document, { subtree: true, childList: true, attributeFilter: ["data-state"] });
"""
READY = "async () => { while (!window.readyAt) await new Promise((go) => setTimeout(go, 10)); return window.readyAt; }"

#: Milliseconds from a click until the browser has painted the changed text: a task queued in an animation frame runs after
#: that frame is painted.
CLICK = """
async ({ click, label }) => {
  const view = document.querySelector('[data-view="attention"]');
  const [el, shown] = [document.querySelector(click), view.querySelector(label)];
  const before = shown.textContent;
  const changed = new Promise((done) => {
    const observer = new MutationObserver(() => {
      if (shown.textContent === before) return;
      observer.disconnect();
      done();
    });
    observer.observe(shown, { childList: true, characterData: true, subtree: true });
  });
  const start = performance.now();
  el.click();
  await changed;
  await new Promise((done) => requestAnimationFrame(() => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = done;
    port2.postMessage(null);
  }));
  return performance.now() - start;
}
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tokens", type=int, default=512)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    lm = tb.load("demo")
    text = "\n\n".join(path.read_text("utf-8") for path in TEXTS)
    trace = lm.read(list(lm.encode(text))[: options.tokens], prompt_length=options.tokens - 12)
    bench = tb.Workbench([trace, tb.AttentionPatterns()(lm, trace)])
    weights = lm.layers * lm.heads * options.tokens**2
    print(f"snapshot, {lm.name}, {lm.layers} layers x {lm.heads} heads x {options.tokens} tokens")
    kept = []
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = launch(playwright)
        sizes = {}
        for form in ("compact", "full"):
            path = Path(folder) / f"{form}.html"
            started = time.perf_counter()
            bench.save(path, detail=form)
            saved, sizes[form] = time.perf_counter() - started, path.stat().st_size
            opened, heads, steps = in_a_browser(browser, path)
            print(
                f"  {form:8} {sizes[form] / 1e6:6.2f} MB, {sizes[form] / weights:.3f} bytes a weight "
                f"(bertviz {BERTVIZ * weights / sizes[form]:.0f} x as many), saved in {saved:.1f} s, opens in {opened:.2f} s, "
                f"another head in {heads:.0f} ms, another step in {steps:.0f} ms"
            )
            if form == "compact":
                kept = [
                    verdict("the compact page", sizes[form] / 1e6, 10, " MB"),
                    verdict("opening", opened, 2, " s"),
                    verdict("another head", heads, 50, " ms"),
                    verdict("another step", steps, 50, " ms"),
                ]
        print(f"  the full form is {sizes['full'] / sizes['compact']:.2f} x as large")
        browser.close()
    return 0 if all(kept) else 1


def in_a_browser(browser, path: Path) -> tuple[float, float, float]:
    """Seconds until the page is ready, and median milliseconds to paint a head that was not shown before, and a step."""
    page = browser.new_context(viewport={"width": 1400, "height": 1000}, offline=True).new_page()
    page.add_init_script(WATCH)
    page.goto(path.as_uri(), wait_until="commit")
    opened = page.evaluate(READY) / 1e3
    page.wait_for_timeout(500)
    heads = [f'.tb-att-cell[data-layer="{7 * n % 30}"][data-head="{n % 9}"]' for n in range(CLICKS)]
    steps = [f'[data-view="generation"] [data-step="{n % 11 + 1}"]' for n in range(CLICKS)]
    times = {}
    for what, label, clicks in (("another head", "h3", heads), ("another step", ".tb-att-question", steps)):
        measured = []
        for click in clicks:
            measured.append(page.evaluate(CLICK, {"click": click, "label": label}))
            page.wait_for_timeout(100)
        times[what] = statistics.median(measured)
        print(f"    {what}: {min(measured):.0f} to {max(measured):.0f} ms, the median counts")
    page.context.close()
    return opened, times["another head"], times["another step"]


if __name__ == "__main__":
    sys.exit(main())
