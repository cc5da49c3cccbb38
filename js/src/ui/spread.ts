// Places labels so that they do not overlap: moves each as little as possible.

/** Places near `wanted`, at least `gap` apart, in the same order, within [low, high] where they fit. */
export function spread(wanted: readonly number[], gap: number, low: number, high: number): number[] {
  const order = wanted.map((_, i) => i).sort((a, b) => (wanted[a] ?? 0) - (wanted[b] ?? 0) || a - b);
  // Labels that would touch form a block around their common centre. Blocks that touch are merged.
  const blocks: { sum: number; size: number; start: number }[] = [];
  const startOf = (sum: number, size: number) => {
    const length = (size - 1) * gap;
    return Math.max(low, Math.min(sum / size - length / 2, high - length));
  };
  for (const i of order) {
    let block = { sum: wanted[i] ?? 0, size: 1, start: startOf(wanted[i] ?? 0, 1) };
    for (let before = blocks.at(-1); before && before.start + before.size * gap > block.start; before = blocks.at(-1)) {
      blocks.pop();
      const [sum, size] = [before.sum + block.sum, before.size + block.size];
      block = { sum, size, start: startOf(sum, size) };
    }
    blocks.push(block);
  }
  const placed = new Array<number>(wanted.length);
  let at = 0;
  for (const { size, start } of blocks) {
    for (let i = 0; i < size; i++) placed[order[at++] ?? 0] = start + i * gap;
  }
  return placed;
}
