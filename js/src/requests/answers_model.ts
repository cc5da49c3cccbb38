// The headless widget behind `Answers`. All views of a page share this one object, so equal requests are sent once.

import type { MessageModel } from "./ask";
import { Answers } from "./ask";

export default {
  initialize({ model, signal }: { model: MessageModel; signal?: AbortSignal }): Answers {
    return new Answers(model, signal);
  },
};
