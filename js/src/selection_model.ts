// The headless widget behind `Selection`: what every view of a page gets from `host.getWidget(ref)` is this one object.

import type { SelectionModel } from "./selection";
import { Selection } from "./selection";

export default {
  initialize({ model, signal }: { model: SelectionModel; signal?: AbortSignal }): Selection {
    return new Selection(model, signal);
  },
};
