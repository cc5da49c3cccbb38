// The headless widget behind `Answers`: all views of a page ask through this one object, so equal questions are sent once.

import type { MessageModel } from "./ask";
import { Answers } from "./ask";

export default {
  initialize({ model, signal }: { model: MessageModel; signal?: AbortSignal }): Answers {
    return new Answers(model, signal);
  },
};
