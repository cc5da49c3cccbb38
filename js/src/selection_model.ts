// The headless widget behind `Selection`. All views of a page share this one object: `host.getWidget(ref)` returns it.

import type { SelectionModel } from "./selection";
import { Selection } from "./selection";

export default {
  initialize({ model, signal }: { model: SelectionModel; signal?: AbortSignal }): Selection {
    return new Selection(model, signal);
  },
};
