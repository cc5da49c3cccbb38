// What a saved page can answer of a question about every step: it may have come with the answer at one of them.

import type { Asker } from "../requests/cache";
import type { Request } from "../requests/request";
import { requestAt, stepOf } from "../requests/target";

/** The question; about this step alone, where a page has the answer to that and none at every step. */
export async function narrowed(request: Request, step: number, answers: Pick<Asker, "ask">): Promise<Request> {
  if (stepOf(request) !== null) return request;
  const isThere = (asked: Request) =>
    answers.ask(asked).then(
      () => true,
      () => false,
    );
  const alone = requestAt(request, step);
  return !(await isThere(request)) && (await isThere(alone)) ? alone : request;
}
