// Narrows a request about every step to the selected step, in a saved page that has only the answer for this step.

import type { Asker } from "../requests/cache";
import type { Request } from "../requests/request";
import { requestAt, stepOf } from "../requests/target";

/** The request itself, or the request at this step if the page has an answer to that one only. */
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
