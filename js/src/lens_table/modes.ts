// The quantities that can tint the cells. Each has its unit and its own scale, which the legend shows.

import { roundUp } from "../ui/scale";
import type { Lens } from "./result";

export type ModeName = "probability" | "entropy" | "kl";

export interface Mode {
  /** The label of the strongest tint in the legend. */
  meaning: string;
  value(layer: number, token: number): number;
  /** The end of the scale, which begins at 0. */
  max: number;
  /** Whether some values are larger than `max`. */
  beyond: boolean;
}

export function modes(lens: Lens): Record<ModeName, Mode> {
  // Leave the embedding out of the scale: it is often a hundred nats away, and then all blocks would be white.
  const blocks = roundUp(largest(klOfBlocks(lens)));
  return {
    probability: {
      meaning: "probability of the token in the cell",
      value: (layer, token) => lens.probs.at({ layer, token, rank: lens.probs.coords("rank")[0] ?? 0 }),
      max: 1,
      beyond: false,
    },
    entropy: {
      meaning: "entropy of the guess, nats (0: sure)",
      value: (layer, token) => lens.entropy.at({ layer, token }),
      max: roundUp(largest(lens.entropy.values)),
      beyond: false,
    },
    kl: {
      meaning: "KL to the last layer, nats (0: the same guess)",
      value: (layer, token) => lens.kl.at({ layer, token }),
      max: blocks,
      beyond: largest(lens.kl.values) > blocks,
    },
  };
}

function klOfBlocks({ kl }: Lens): number[] {
  const tokens = kl.numbers("token");
  const layers = kl.numbers("layer").filter((layer) => layer >= 0);
  return layers.flatMap((layer) => tokens.map((token) => kl.at({ layer, token })));
}

function largest(values: Iterable<number>): number {
  let max = 0;
  for (const value of values) if (value > max && value < Number.POSITIVE_INFINITY) max = value;
  return max;
}
