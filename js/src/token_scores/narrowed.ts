// What a saved page can answer of a question about every step: it may have come with the answer at one of them.

import type { Asked } from "../requests/remember";
import type { Request } from "../requests/request";
import { requestAt, stepOf } from "./asking";

/** The question; about this step alone, where a page has the answer to that and none at every step. */
export async function narrowed(request: Request, step: number, answers: Pick<Asked, "ask">): Promise<Request> {
  if (stepOf(request) !== null) return request;
  const isThere = (asked: Request) =>
    answers.ask(asked).then(
      () => true,
      () => false,
    );
  const alone = requestAt(request, step);
  return !(await isThere(request)) && (await isThere(alone)) ? alone : request;
}
