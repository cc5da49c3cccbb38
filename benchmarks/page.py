"""A saved bench with all four views in a browser: its bytes, seconds until it is ready, and milliseconds per key press.

Budgets for the demo model at 512 tokens: the page (with the rollout) is under 10 MB, opens in under 2 s, and redraws every
view within 50 ms of a key that moves to another step. The same holds while the attention view shows the rollout, and for a
page with attention alone, where a key to another head is measured too.

A key press ends when the browser paints the frame in which the attention view shows the new selection. Scores of tokens that
are scrolled out of sight follow 150 ms later and are not measured.

For comparison: bertviz's ``model_view`` and circuitsvis write every weight as text, 27.9 and 14 bytes each (measured for 30
layers x 9 heads x 128 tokens; bertviz's page is ready after 6.6 s).
"""

import argparse
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

import tracebench as tb
from benchmarks._measure import verdict
from tests.chromium import launch

MB = 1e6
PEERS = {"bertviz": 27.9, "circuitsvis": 14.0}
STEPS = 8
#: Milliseconds that this browser takes to lay out 4,096 words: a reference, because the speed of a machine varies.
REFERENCE = """() => Array.from({length: 9}, () => {
  const words = document.createElement('p');
  for (let i = 0; i < 4096; i++) {
    const word = document.createElement('span');
    word.textContent = `word${i} `;
    words.append(word);
  }
  const began = performance.now();
  document.body.append(words);
  words.offsetHeight;
  const took = performance.now() - began;
  words.remove();
  return took;
}).sort((a, b) => a - b)[4]"""

#: Keys from the first step to the last and back, and through heads that were not shown before.
WALK = ["ArrowRight"] * (STEPS - 1) + ["ArrowLeft"] * (STEPS - 1)
HEADS = ["ArrowDown", "ArrowRight"] * 6
STEP = '[data-view="generation"] [data-step][tabindex="0"]'
HEAD = '[data-view="attention"] .tb-att-cell[tabindex="0"]'

#: Seconds from the start of the navigation until every view of the bench is ready.
READY = """() => new Promise((resolve, reject) => {
  const look = () => {
    const views = [...document.querySelectorAll('[data-view]')];
    const failed = views.find((view) => view.dataset.state === 'error' || view.dataset.state === 'absent');
    if (failed) reject(new Error(`${failed.dataset.view}: ${failed.textContent}`));
    const waiting = views.filter((view) => view.dataset.state !== 'ready');
    if (views.length > 1 && waiting.length === 0) requestAnimationFrame(() => setTimeout(() => resolve(performance.now() / 1000)));
    else setTimeout(look, 5);
  };
  look();
})"""

#: Milliseconds from a key until the browser has painted the result: the attention at the position that predicts the token
#: in focus, or the head whose cell has the focus.
PRESS = """(key) => new Promise((resolve) => {
  const began = performance.now();
  document.activeElement.dispatchEvent(new KeyboardEvent('keydown', {key, bubbles: true, cancelable: true}));
  const says = (place, words) => document.querySelector(`[data-view="attention"] ${place}`).textContent.toLowerCase().includes(words);
  const {dataset, ariaLabel} = document.activeElement;
  const isShown = () => dataset.token === undefined
    ? says('.tb-att-chosen h3', ariaLabel)
    : says('.tb-att-question', `position ${dataset.token - (dataset.step === undefined ? 0 : 1)} `);
  const look = () => requestAnimationFrame(() => setTimeout(() => isShown() ? resolve(performance.now() - began) : look()));
  look();
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
            weights = lm.layers * lm.heads * tokens**2
            for what, path, seconds in _saved(lm, prompt, Path(folder)):
                page = browser.new_page(viewport={"width": 1400, "height": 1000})
                reference = page.evaluate(REFERENCE)
                ready, keys = _opened(page, path)
                page.close()
                size = path.stat().st_size
                peers = ", ".join(f"{name} {each * weights / size:.0f} x" for name, each in PEERS.items())
                figures = [
                    f"{name} {statistics.median(each):.0f} ms (at the most {max(each):.0f}; {statistics.median(each) / reference:.1f} x)"
                    for name, each in keys.items()
                ]
                print(
                    f"  {tokens:4} tokens, {what}: {size / MB:6.2f} MB (written in {seconds:.1f} s; {peers} its bytes), "
                    f"ready after {ready:.2f} s, a key for {', '.join(figures)}; x is the layout of 4,096 words, {reference:.0f} ms"
                )
                if tokens == max(options.tokens):
                    kept += [
                        verdict(f"{what}: the page", size / MB, 10, " MB"),
                        verdict(f"{what}: ready", ready, 2, " s"),
                        *(
                            verdict(f"{what}: a key for {n}", statistics.median(each), 50, " ms")
                            for n, each in keys.items()
                        ),
                    ]
        browser.close()
    return 0 if all(kept) else 1


def _saved(lm: tb.LanguageModel, prompt: tuple[int, ...], folder: Path) -> Iterator[tuple[str, Path, float]]:
    """A page with attention alone and one with all views: for each its name, path, and the seconds of saving."""
    trace = lm.generate(prompt, max_new_tokens=STEPS)
    scores = tb.InputXGradient()(lm, trace, tb.Target(step=None, of="log_prob"))
    attention = [tb.AttentionPatterns()(lm, trace), tb.AttentionRollout()(lm, trace)]
    everything = [tb.LogitLens(top=5)(lm, trace), scores, *attention]
    for what, results in {"the attention": attention, "all four views": everything}.items():
        bench = tb.Workbench([trace, *results])
        path = folder / f"{len(trace.tokens)} {what}.html"
        began = time.perf_counter()
        bench.save(path)
        seconds = time.perf_counter() - began
        bench.close()
        yield what, path, seconds


def _opened(page: Page, path: Path) -> tuple[float, dict[str, list[float]]]:
    """Seconds until the page is ready, and milliseconds per key: another step, another head, another step of the rollout."""
    page.goto(path.as_uri())
    ready = page.evaluate(READY)
    keys = {"a step": _pressed(page, STEP, WALK), "a head": _pressed(page, HEAD, HEADS)}
    page.locator('[data-view="attention"]').get_by_role("radio", name="rollout").click()
    page.wait_for_selector('[data-view="attention"][data-source="rollout"][data-state="ready"]')
    return ready, {**keys, "a step with the rollout": _pressed(page, STEP, WALK)}


def _pressed(page: Page, focused: str, keys: list[str]) -> list[float]:
    page.locator(focused).first.focus()
    return [page.evaluate(PRESS, key) for key in keys]


if __name__ == "__main__":
    sys.exit(main())
