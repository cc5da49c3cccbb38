"""The row of the kind. It imports nothing heavy: a bench reads it before anything is shown."""

from tracebench.registry import Kind

WORD_COUNTS = Kind(
    name="word_counts",
    result="tracebench_wordcount.word_counts:WordCounts",
    view="tracebench_wordcount.view:WordCountsView",
    question="Words",
    group="look",
)
