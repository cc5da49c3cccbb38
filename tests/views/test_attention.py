"""The attention view sends an overview and full slices; a page may have compact slices."""

import numpy as np
import pytest

import tracebench as tb
from tests import made
from tracebench.record.arrays import LabeledArray
from tracebench.results.attention import Attention
from tracebench.views.attention import SMALL, AttentionView
from tracebench.widgets.levels import EXACT, compact
from tracebench.widgets.pooled import SIDE, block_size, pooled


def attention(length=24, layers=(1, 4), heads=(0, 2, 3), sink=0.25, seed=0):
    """Random patterns with some equal weights. Each row and its sink add up to 1."""
    shape = (len(layers), len(heads), length, length)
    scores = np.random.default_rng(seed).integers(1, 30, shape).astype(float) ** 3 * np.tri(length)
    weights = (scores / scores.sum(-1, keepdims=True) * (1 - sink)).astype(np.float32)
    axes = {"layer": layers, "head": heads, "query": range(length)}
    sinks = LabeledArray.of(np.full(shape[:3], sink, np.float32), **axes) if sink else None
    return Attention(
        LabeledArray.of(weights, **axes, key=range(length)),
        sinks,
        made.tokens(*[0] * length),
        via="sdpa",
        method="AttentionPatterns(layers=(1, 4), heads=(0, 2, 3))",
        traces=("t",),
    )


def numbers(node):
    """The values of a packed array, read from its bytes."""
    data = np.frombuffer(node["$array"], np.uint8).astype(float)
    if node["encoding"] == "fixed-14":
        low, high = data.reshape(2, -1)
        data = (low + 256 * high) / 16383
    elif node["encoding"] == "sqrt-u8":
        data = (data / 255) ** 2
    return data.reshape(node["shape"])


def opened(tree):
    """A compact tree as weights [query, key], a mask of the exact ones, and the sum of the others [query]."""
    rest, length = numbers(tree["rest"]), len(tree["rest"]["$array"]) // 2
    each = next(n for n in range(8, 0, -1) if tree["base"] ** n <= 256)
    symbols = [
        byte // tree["base"] ** (each - 1 - i) % tree["base"] for byte in tree["cells"]["$array"] for i in range(each)
    ]
    exact, weights, taken = iter(numbers(tree["exact"])), np.zeros((length, length)), np.zeros((length, length), bool)
    for symbol, (key, query) in zip(symbols, ((k, q) for k in range(length) for q in range(k, length)), strict=False):
        taken[query, key] = symbol == tree["base"] - 1
        weights[query, key] = next(exact) if taken[query, key] else (symbol / 15) ** 2
    return weights, taken, rest


@pytest.mark.parametrize("length", [1, 2, 16, 17, 60])
def test_a_compact_map_loses_nothing_of_a_row(length):
    (weights,) = np.asarray(attention(length, (0,), (0,), sink=0).weights.values)[0]
    shown, taken, rest = opened(compact(weights))
    # The exact weights and the sum of the others add up to 1. These are 17 numbers, each with an error below 0.5 / 16383.
    assert np.abs(np.where(taken, shown, 0).sum(-1) + rest - 1).max() <= 17 * 0.5 / 16383
    assert taken.sum(-1).tolist() == [min(query + 1, EXACT) for query in range(length)]
    seen = np.tri(length, dtype=bool)
    assert np.abs(shown - weights)[taken].max() <= 0.5 / 16383 + 1e-7
    others = np.abs(np.sqrt(shown) - np.sqrt(weights))[seen & ~taken]
    assert others.max(initial=0) <= 0.5 / 15 + 1e-6
    assert (np.where(taken, weights, np.inf).min(-1) >= np.where(seen & ~taken, weights, 0).max(-1)).all()


def test_of_equal_weights_the_first_are_exact():
    length = 40
    _, taken, rest = opened(compact(np.tri(length) / np.arange(1, length + 1)[:, None]))
    assert (taken == (np.tri(length, dtype=bool) & (np.arange(length) < EXACT))).all()
    assert rest[-1] == pytest.approx(1 - EXACT / length, abs=1e-4)


def test_rows_above_1_are_refused():
    with pytest.raises(ValueError, match=r"fixed-14 holds values in \[0, 1\], got 0 to 2"):
        compact(np.tri(40) / 12)


@pytest.mark.parametrize("length", [1, SIDE, SIDE + 1, 130])
def test_a_small_map_has_the_largest_weight_of_each_block(length):
    maps = np.asarray(attention(length).weights.values)[0]
    block = block_size(length)
    small = pooled(maps, block)
    assert small.shape[-1] <= SIDE
    for down in range(small.shape[1]):
        for across in range(small.shape[2]):
            rows, columns = (slice(i * block, (i + 1) * block) for i in (down, across))
            assert (small[:, down, across] == maps[:, rows, columns].max((1, 2))).all()


def test_the_overview_has_every_head_and_every_mean():
    result, trace = attention(100), made.trace()
    tree = AttentionView.pack(result, trace)
    assert (tree["layers"], tree["heads"], tree["length"], tree["sinks"]) == ([1, 4], [0, 2, 3], 100, True)
    coords = tree["maps"]["coords"]
    assert (coords["layer"], coords["head"], coords["query"][:3]) == ([1, 4, "mean"], [0, 2, 3, "mean"], [0, 3, 6])
    maps = numbers(tree["maps"])
    for i, layer in enumerate((1, 4, None)):
        for j, head in enumerate((0, 2, 3, None)):
            (small,) = pooled(np.asarray(result.map(layer, head).values)[None], 3)
            assert np.abs(np.sqrt(maps[i, j]) - np.sqrt(small)).max() <= 0.5 / 255 + 1e-6


@pytest.mark.parametrize("sink", [0, 0.25])
def test_a_slice_holds_the_weights_of_the_result(sink):
    result = attention(sink=sink)
    for layer in (1, 4, None):
        for head in (0, 2, 3, None):
            tree = AttentionView.pack_slice(result, made.trace(), coords={"layer": layer, "head": head})
            own = np.asarray(result.map(layer, head).values)[np.tri(24, dtype=bool)]
            assert np.abs(np.sqrt(numbers(tree["weights"])) - np.sqrt(own)).max() <= 0.5 / 255 + 1e-6
            assert (tree["form"], tree["layer"], tree["head"]) == ("full", layer, head)
            assert tree["sink"] is None if not sink else numbers(tree["sink"]) == pytest.approx(0.25, abs=0.002)


def test_a_map_without_layer_or_head_is_the_mean():
    result = attention()
    values = np.asarray(result.weights.values)
    np.testing.assert_array_equal(result.map(4, 2).values, values[1, 1])
    np.testing.assert_allclose(result.map(layer=4).values, values[1].mean(0), rtol=1e-6)
    np.testing.assert_allclose(result.map(head=3).values, values[:, 2].mean(0), rtol=1e-6)
    np.testing.assert_allclose(result.map().values, values.mean((0, 1)), rtol=1e-6)
    assert result.sinks(4).values == pytest.approx(0.25)
    assert attention(sink=0).sinks() is None


@pytest.mark.parametrize(
    ("coords", "sentence"),
    [
        ({"layer": 2, "head": 0}, r"layer 2 is not in this attention, which has 1, 4 \(null is the mean\)"),
        ({"layer": 1, "head": "x"}, "head 'x' is not in this attention, which has 0, 2, 3"),
        ({"layer": 1}, r"a slice of attention has a layer and a head .* got \{'layer': 1\}"),
        ({"layer": 1, "head": 0, "query": 3}, "a slice of attention has a layer and a head"),
    ],
)
def test_a_missing_slice_raises_a_sentence(coords, sentence):
    with pytest.raises(ValueError, match=sentence):
        AttentionView.pack_slice(attention(), made.trace(), coords=coords)


@pytest.mark.parametrize("form", ["full", "compact"])
def test_a_page_has_every_slice_of_the_view(form):
    result = attention(40)
    trees = {tuple(coords.values()): tree for coords, tree in AttentionView.slices(result, made.trace(), detail=form)}
    assert set(trees) == {(layer, head) for layer in (1, 4, None) for head in (0, 2, 3, None)}
    for (layer, head), tree in trees.items():
        asked = AttentionView.pack_slice(result, made.trace(), coords={"layer": layer, "head": head})
        if form == "full":
            assert np.abs(numbers(tree["weights"]) - numbers(asked["weights"])).max() <= 0.008
            assert tree["weights"]["shape"] == asked["weights"]["shape"]
        else:
            weights, taken, _ = opened(tree)
            own = np.asarray(result.map(layer, head).values)
            assert np.abs(weights - own)[taken].max() <= 0.5 / 16383 + 1e-6
        assert numbers(tree["sink"]) == pytest.approx(0.25, abs=0.002)


def test_a_short_text_is_kept_in_full_and_a_long_one_compact():
    def forms(length):
        return {tree["form"] for _, tree in AttentionView.slices(attention(length), made.trace())}

    # 2 layers and 3 heads have 12 maps, means included.
    assert 12 * 250 * 251 // 2 < SMALL < 12 * 260 * 261 // 2
    assert (forms(250), forms(260)) == ({"full"}, {"compact"})


def test_an_unknown_detail_raises_a_sentence(tmp_path):
    bench = tb.Workbench([made.trace(), made.lens(made.trace())])
    for save in (
        lambda: bench.save(tmp_path / "a.html", detail="small"),
        lambda: tb.snapshot(bench, detail="small"),
    ):
        with pytest.raises(ValueError, match=r"detail is 'compact' .*, 'full' .* or None .*, got 'small'"):
            save()
    with pytest.raises(ValueError, match=r"detail is for a page \(\.html\): a \.trace holds the exact numbers"):
        bench.save(tmp_path / "a.trace", detail="full")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("form", ["full", "compact"])
def test_the_same_attention_gives_the_same_page(tmp_path, form):
    pages = []
    for name in ("a.html", "b.html"):
        trace = made.trace(*[n * n % 11 for n in range(150)])
        bench = tb.Workbench([trace, made.attention(trace)])
        pages.append(bench.save(tmp_path / name, detail=form).read_bytes())
    assert pages[0] == pages[1]
    assert pages[0].count(b'id="tracebench-chunk-') == 12
