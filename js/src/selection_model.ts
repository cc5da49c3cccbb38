// The headless widget behind `Selection`: what every view of a page gets from `host.getWidget(ref)` is this one object.

import { Selection } from "./selection";
import type { SelectionModel } from "./selection";

export default {
  initialize({ model, signal }: { model: SelectionModel; signal?: AbortSignal }): Selection {
    return new Selection(model, signal);
  },
};
