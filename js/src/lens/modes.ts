// What a cell's tint can mean. Each amount has its unit and its own scale, which the legend shows.

import type { Lens } from "../lens";
import { roundUp } from "../scale";

export type ModeName = "probability" | "entropy" | "kl";

export interface Mode {
  label: string;
  /** For the legend: what the strongest tint stands for. */
  meaning: string;
  value(layer: number, token: number): number;
  /** The scale runs from 0 to here. */
  max: number;
}

export function modes(lens: Lens): Record<ModeName, Mode> {
  return {
    probability: {
      label: "probability",
      meaning: "probability of the token in the cell",
      value: (layer, token) => lens.probs.at({ layer, token, rank: lens.probs.coords("rank")[0] ?? 0 }),
      max: 1,
    },
    entropy: {
      label: "entropy",
      meaning: "entropy of the guess, nats (0: sure)",
      value: (layer, token) => lens.entropy.at({ layer, token }),
      max: roundUp(largest(lens.entropy.values)),
    },
    kl: {
      label: "KL to final",
      meaning: "KL divergence of the last layer from this one, nats (0: decided; the embedding may lie above the scale)",
      value: (layer, token) => lens.kl.at({ layer, token }),
      // The embedding is often a hundred nats away: on its scale all that happens in the blocks would be white.
      max: roundUp(largest(lens.kl.values.subarray(lens.kl.shape[1] ?? 0))),
    },
  };
}

function largest(values: Iterable<number>): number {
  let max = 0;
  for (const value of values) if (value > max && value < Number.POSITIVE_INFINITY) max = value;
  return max;
}
