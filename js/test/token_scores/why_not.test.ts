import { expect, test } from "vitest";
import type { Request } from "../../src/requests/request";
import type { Target } from "../../src/requests/target";
import type { Known } from "../../src/token_scores/token_field";
import { idOrText, madeOf } from "../../src/token_scores/token_field";
import tokenScores from "../../src/token_scores/view";
import { whyNot } from "../../src/token_scores/why_not";
import { decode } from "../../src/wire";
import { all, type Message, one, SCORES_REQUEST, scoresTree, settled, show, traceTree } from "../made";

/** "The city of | Paris ↵ <|im_end|>"; the alternatives have " Rome" too. */
const KNOWN = decode(traceTree()) as Known;
const PARIS = idOrText(KNOWN, "·Paris") as number;
const ask = (change: Partial<Target>) => whyNot(KNOWN, { step: 0, token: null, against: null, of: "logit", ...change }, [PARIS]);
const plain = (words: string | undefined) => words?.replaceAll(/[\u2068\u2069]/g, "");

test("a token is found by its display or its exact text, also if only the text has it", () => {
  expect(idOrText(KNOWN, " Paris")).toBe(PARIS);
  expect(idOrText({ ...KNOWN, vocab: {} }, "·city")).toBe(KNOWN.ids?.at({ token: 1 }));
  expect(idOrText({ ...KNOWN, vocab: {} }, "↵")).toBe(KNOWN.ids?.at({ token: 4 }));
  expect(idOrText(KNOWN, "a↵b⇥c·d")).toBe("a\nb\tc d");
});

test("text of several tokens is refused with their names, and without code", () => {
  expect(madeOf(KNOWN, " city of Paris")).toEqual(["·city", "·of", "·Paris"]);
  expect([madeOf(KNOWN, "ty of"), madeOf(KNOWN, " of Pa"), madeOf(KNOWN, "")]).toEqual([[], [], []]);
  const why = ask({ against: " city of" });
  expect(plain(why?.sentence)).toBe(
    "“·city·of” is 2 tokens in this text (“·city”, “·of”), but a question is about one token. Write one of them, or choose a suggestion.",
  );
  expect(why?.code).toBeNull();
  expect(ask({ token: "The city", against: PARIS })?.code).toBeNull();
});

test("if only a tokenizer can know, the page says so and gives code", () => {
  const why = ask({ against: " London" });
  expect(plain(why?.sentence)).toContain("This page cannot tell whether “·London” is one token: it knows the tokens of the text");
  expect(why?.code).toBe("If it is one token, this Python computes the answer; if not, it lists the tokens:");
  expect(plain(ask({ token: "aris" })?.sentence)).toContain("In this text “aris” is a part of “·Paris”");
});

test("a token that is compared with itself is refused, however it is named", () => {
  for (const change of [{ against: PARIS }, { token: PARIS, against: " Paris" }, { against: " Paris" }]) {
    expect(plain(ask(change)?.sentence)).toContain("“·Paris” is compared with itself");
    expect(ask(change)?.code).toBeNull();
  }
});

test("an unknown token is not taken for the generated one", () => {
  const why = ask({ token: " London", against: PARIS });
  expect(plain(why?.sentence)).toContain("whether “·London” is one token");
  expect(why?.code).toContain("If it is one token");
});

test("text that begins or ends inside a token is not taken for those tokens", () => {
  const why = ask({ against: "ty of" });
  expect(plain(why?.sentence)).toContain("This page cannot tell whether “ty·of” is one token");
  expect(why?.code).toContain("If it is one token");
});

test("for a request about every step, each generated token counts as compared with itself", () => {
  const every = (change: Partial<Target>) =>
    whyNot(KNOWN, { step: null, token: null, against: null, of: "logit", ...change }, [3, PARIS]);
  expect(plain(every({ against: " Paris" })?.sentence)).toContain("“·Paris” is compared with itself");
  expect(every({ against: 8 })).toBeNull();
  expect(every({ token: " city", against: " Paris" })).toBeNull();
});

test("for a valid question only the answer is missing", () => {
  expect(ask({ against: 8 })).toBeNull();
  expect(ask({ token: " city", against: 8 })).toBeNull();
  expect(ask({ of: "entropy" })).toBeNull();
});

test("a page says why there is no answer, and has a button to the first question", async () => {
  const methods = [
    { label: "slow", method: "IntegratedGradients(n_steps=64)", analysis: "IntegratedGradients", params: { n_steps: 64 } },
  ];
  const { root } = await show(
    tokenScores,
    { _traces: [traceTree()], _data: { methods }, _requests: [SCORES_REQUEST] },
    {
      offline: true,
      reply: ({ kind, request }: Message) => {
        if (kind !== "ask") return undefined;
        const first = ((request as Request).target as Target).against === null;
        return first
          ? { kind: "answer", result: scoresTree() }
          : { kind: "error", error: "This saved page does not have this answer.", absent: true, code: request?.code };
      },
    },
  );
  const put = async (written: string) => {
    (all(root, ".tb-scores-ask input")[1] as HTMLInputElement).value = written;
    one(root, ".tb-scores-ask").dispatchEvent(new Event("submit", { cancelable: true }));
    await settled();
    return plain(one(root, ".tb-state").textContent ?? "") ?? "";
  };
  expect(await put("·city·of")).toContain("“·city·of” is 2 tokens in this text");
  expect(root.dataset.state).toBe("absent");
  expect(root.querySelector(".tb-code")).toBeNull();
  expect(await put("·London")).toMatch(/This page cannot tell.*If it is one token, this Python.*against=" London"/);
  expect(await put("·Rome")).toContain("This saved page does not have this answer.This Python computes it:");
  (all(root, ".tb-state button").at(-1) as HTMLElement).click();
  await settled();
  expect(root.dataset.state).toBe("ready");
  expect((all(root, ".tb-scores-ask input")[1] as HTMLInputElement).value).toBe("");
});
