// Scores in words and numbers, always with a sign and its meaning.

import type { Check } from "../checks";
import { SIGNS } from "../checks";
import type { Target } from "../requests/target";
import { tokenOf } from "../selection";
import { isolated } from "../tokens";
import type { Text } from "../trace";
import { exponent } from "../ui/format";
import type { Scores } from "./result";
import { rowOf } from "./result";
import type { Known } from "./token_field";
import { shown } from "./token_field";

/** The meaning of scores above and below zero. */
export function directions({ of }: Pick<Target, "of">): { above: string; below: string } {
  if (of === "entropy") return { above: "makes it less sure", below: "makes it surer" };
  return { above: "speaks for it", below: "speaks against it" };
}

/** The meaning of the sign of a score. */
export function direction(score: number, target: Pick<Target, "of">): string {
  const { above, below } = directions(target);
  return score > 0 ? above : score < 0 ? below : "speaks neither way";
}

/** "+2.33", "−0.15", "0.00": at least two digits after the point, more if numbers are small. Only zero reads as zero. */
export function signed(x: number, most: number): string {
  return x > 0 ? `+${amount(x, most)}` : amount(x, most);
}

/** The same without a plus, for a number that is no score. */
export function amount(x: number, most: number): string {
  if (Number.isNaN(x)) return "–";
  const size = Math.abs(x);
  const written = size.toFixed(digits(most));
  const seen = size > 0 && Number(written) === 0 ? exponent(size) : written;
  return x < 0 ? `−${seen}` : seen;
}

/**
 * A number of a column or table whose largest is `most`; all its numbers have as many digits after the point. The sign tells
 * "+0.00", which is small, from "0.00", which is zero.
 */
export function inColumn(x: number, most: number): string {
  if (Number.isNaN(x)) return "–";
  return `${x > 0 ? "+" : x < 0 ? "−" : ""}${Math.abs(x).toFixed(digits(most))}`;
}

/** The same for a cell with room for three digits; a number that would read as zero there is "0". */
export function inCell(x: number, most: number): string {
  const size = Math.abs(x).toFixed(most >= 100 ? 0 : most >= 10 ? 1 : digits(most));
  if (Number(size) === 0) return "0";
  return `${x > 0 ? "+" : x < 0 ? "−" : ""}${size}`;
}

function digits(most: number): number {
  return most >= 1 || !(most > 0) ? 2 : Math.min(6, 1 - Math.floor(Math.log10(most)));
}

/** "IntegratedGradients(n_steps=64)" as "Integrated gradients". */
export function methodName(method: string): string {
  const name = method.split("(")[0] ?? method;
  const words = name.replace(/([a-z\d])(?=[A-Z])|([A-Z])(?=[A-Z][a-z])/g, "$1$2 ").split(" ");
  const sentence = words.map((word) => (word.length > 1 && word === word.toUpperCase() ? word : word.toLowerCase())).join(" ");
  return (sentence.charAt(0).toUpperCase() + sentence.slice(1)).replace(/ x /g, " × ");
}

/** The method, its number of points if they are placed adaptively, and the baseline. */
export function methodLine({ method, baseline }: Pick<Scores, "method" | "baseline">): string {
  const points = method.includes("quadrature='adaptive'") ? /n_steps=(\d+)/.exec(method)?.[1] : undefined;
  const named = points ? `${methodName(method)}, ${points} adaptive points` : methodName(method);
  return baseline ? `${named}; baseline: ${baseline}.` : `${named}.`;
}

/** The name of the explained number on a scale: "log-probability, nats". */
export function scaleName({ unit, target }: Pick<Scores, "unit" | "target">): string {
  const name = `${QUANTITIES[target.of]}${target.against === null ? "" : " difference"}`;
  if (unit === "nats") return `${name}, nats`;
  return target.against === null ? `in ${unit}` : name;
}

const QUANTITIES = { logit: "logit", log_prob: "log-probability", prob: "probability", entropy: "entropy" };

/** "the log-probability of “·Paris”" */
function explained({ of, token, against }: Target, text: Known, step: number): string {
  if (of === "entropy") return "the entropy";
  const quoted = (display: string) => `“${isolated(display)}”`;
  const what = `the ${QUANTITIES[of]} of ${quoted(token === null ? (text.pieces[tokenOf(text, step)]?.[1] ?? "?") : shown(text, token))}`;
  return against === null ? what : `${what} minus that of ${quoted(shown(text, against))}`;
}

/**
 * "The scores add up to +7.79 nats. The log-probability of “·Paris” is −0.35, and −8.14 for the baseline: the difference is +7.79."
 * If they do not add up, that comes first. "" if there is no baseline.
 */
export function sumLine(scores: Scores, text: Text, step: number): { state: Check["state"]; sentence: string } {
  const [value, baseline] = [scores.values.at({ step }), scores.baseline_values.at({ step })];
  if (Number.isNaN(baseline)) return { state: "holds", sentence: "" };
  const { sum, widest } = rowOf(scores, step);
  const state = completeness(scores, sum, value - baseline);
  const [total, difference] = [signed(sum, widest), signed(value - baseline, widest)];
  const itself = `${explained(scores.target, text, step)} is ${amount(value, widest)}, and ${amount(baseline, widest)} for the baseline`;
  const sentence =
    state === "holds"
      ? `The scores add up to ${total} ${scores.unit}. T${itself.slice(1)}: the difference is ${difference}.`
      : `${SIGNS[state]} The scores do not add up: ${total} instead of ${difference} ${scores.unit}. T${itself.slice(1)}.`;
  return { state, sentence };
}

/** The check is about the worst step. If there are several steps, a step that adds up itself holds. */
function completeness({ checks, steps }: Scores, sum: number, difference: number): Check["state"] {
  const check = checks.find(({ name }) => name === "completeness");
  const adds = steps.length > 1 && check && Math.abs(sum - difference) <= check.limit * Math.abs(difference);
  return !check || adds ? "holds" : check.state;
}

/** One token in full: "·Tower, position 3: +2.33 logits, speaks for it, 19 % of all absolute scores". */
export function inWords(scores: Scores, text: Text, step: number, token: number): string {
  const name = `${isolated(text.pieces[token]?.[1] ?? "?")}, position ${token}`;
  if (!Number.isNaN(rowOf(scores, step).values[token] ?? Number.NaN)) return `${name}: ${full(scores, step, [token])}`;
  return `${name}: ${token === tokenOf(text, step) ? "the token of" : "comes after"} step ${step}`;
}

/** A token, or several together: number, unit, direction and share. */
export function full(scores: Scores, step: number, tokens: readonly number[]): string {
  const row = rowOf(scores, step);
  const values = tokens.map((token) => row.values[token] ?? Number.NaN).filter((score) => !Number.isNaN(score));
  const sum = values.reduce((all, x) => all + x, 0);
  const size = values.reduce((all, x) => all + Math.abs(x), 0);
  const share = row.sizes > 0 ? `, ${percent(size / row.sizes)} of all absolute scores` : "";
  return `${signed(sum, row.widest)} ${scores.unit}, ${direction(sum, scores.target)}${share}`;
}

function percent(share: number): string {
  if (share > 0 && share < 0.01) return "less than 1 %";
  return share < 1 && share > 0.99 ? "more than 99 %" : `${Math.round(share * 100)} %`;
}
