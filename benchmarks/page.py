"""What a saved bench of all four views costs whoever opens it: bytes, seconds until it is ready, and a key press.

Budgets, for the demo model at 512 tokens: the page (with the rollout) under 10 MB, open under 2 s, every view redrawn within 50 ms
of a key, also where the attention view shows the rollout.
Beside it what bertviz's ``model_view`` and circuitsvis write for the same attention: both put every weight into the page as
text, 27.9 and 14 bytes each (measured for 30 layers x 9 heads x 128 tokens; the page of bertviz settled after 6.6 s there).
"""

import argparse
import statistics
import sys
import tempfile
import time
import warnings
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

import tracebench as tb
from benchmarks._measure import verdict
from tests.chromium import launch

MB = 1e6
PEERS = {"bertviz": 27.9, "circuitsvis": 14.0}
STEPS = 8
PRESSES = 12

#: Seconds from the start of the navigation until every view of the bench is ready.
READY = """() => new Promise((resolve, reject) => {
  const look = () => {
    const views = [...document.querySelectorAll('[data-view]')];
    const failed = views.find((view) => view.dataset.state === 'error' || view.dataset.state === 'absent');
    if (failed) reject(new Error(`${failed.dataset.view}: ${failed.textContent}`));
    const waiting = views.filter((view) => view.dataset.state !== 'ready');
    if (views.length > 4 && waiting.length === 0) requestAnimationFrame(() => setTimeout(() => resolve(performance.now() / 1000)));
    else setTimeout(look, 5);
  };
  look();
})"""

#: Milliseconds from a key until the browser has painted what came of it.
PRESS = """(key) => new Promise((resolve) => {
  const began = performance.now();
  document.activeElement.dispatchEvent(new KeyboardEvent('keydown', {key, bubbles: true, cancelable: true}));
  requestAnimationFrame(() => setTimeout(() => resolve(performance.now() - began)));
})"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tokens", type=int, nargs="*", default=[32, 128, 512])
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    lm = tb.load("demo")
    words = "The tower was built by many people over a long time, and it was named after the engineer who designed it. "
    kept = []
    print(f"a saved bench of four views, {lm.name}, {lm.layers} layers, {lm.heads} heads")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = launch(playwright)
        for tokens in options.tokens:
            prompt = lm.encode(words * (tokens // 16 + 1))[: tokens - STEPS]
            path, seconds = _saved(lm, prompt, Path(folder) / f"{tokens}.html")
            page = browser.new_page(viewport={"width": 1400, "height": 1000})
            ready, presses, flows = _opened(page, path)
            page.close()
            size, weights = path.stat().st_size, lm.layers * lm.heads * tokens**2
            peers = ", ".join(f"{name} {each * weights / size:.0f} x" for name, each in PEERS.items())
            print(
                f"  {tokens:4} tokens: {size / MB:6.2f} MB (written in {seconds:.1f} s; {peers} its bytes), ready after {ready:.2f} s, "
                f"a key {statistics.median(presses):.0f} ms (at the most {max(presses):.0f}), with the rollout "
                f"{statistics.median(flows):.0f} ms (at the most {max(flows):.0f})"
            )
            if tokens == max(options.tokens):
                kept = [
                    verdict("the page", size / MB, 10, " MB"),
                    verdict("ready", ready, 2, " s"),
                    verdict("a key press", statistics.median(presses), 50, " ms"),
                    verdict("a key press with the rollout", statistics.median(flows), 50, " ms"),
                ]
        browser.close()
    return 0 if all(kept) else 1


def _saved(lm: tb.LanguageModel, prompt: tuple[int, ...], path: Path) -> tuple[Path, float]:
    trace = lm.generate(prompt, max_new_tokens=STEPS)
    scores = tb.InputXGradient()(lm, trace, tb.Target(step=None, of="log_prob"))
    maps, flow = tb.AttentionPatterns()(lm, trace), tb.AttentionRollout()(lm, trace)
    bench = tb.Workbench([trace, tb.LogitLens(top=5)(lm, trace), scores, maps, flow])
    began = time.perf_counter()
    bench.save(path)
    seconds = time.perf_counter() - began
    bench.close()
    return path, seconds


def _opened(page: Page, path: Path) -> tuple[float, list[float], list[float]]:
    """Seconds until it is ready, and milliseconds a key: with the weights, and with the rollout."""
    page.goto(path.as_uri())
    ready = page.evaluate(READY)
    presses = _pressed(page)
    page.locator('[data-view="attention"]').get_by_role("radio", name="rollout").click()
    page.wait_for_selector('[data-view="attention"][data-source="rollout"][data-state="ready"]')
    return ready, presses, _pressed(page)


def _pressed(page: Page) -> list[float]:
    page.locator(
        '[data-view="generation"] [data-step][tabindex="0"], [data-view="generation"] [tabindex="0"]'
    ).first.focus()
    return [page.evaluate(PRESS, "ArrowRight" if n % 2 else "ArrowLeft") for n in range(PRESSES)]


if __name__ == "__main__":
    sys.exit(main())
