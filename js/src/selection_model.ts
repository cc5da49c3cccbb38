// The headless widget behind `Selection`: what every view of a page gets from `host.getWidget(ref)` is this one object.

import type { SelectionModel } from "./selection";
import { Selection } from "./selection";
import type { SharedSelection } from "./traces";
import { tracesOf } from "./traces";

export default {
  initialize({ model, signal }: { model: SelectionModel; signal?: AbortSignal }): SharedSelection {
    const selection = new Selection(model, signal);
    const traces: SharedSelection["traces"] = (of, open, until) => tracesOf(of, selection, open, until);
    return Object.assign(selection, { traces });
  },
};
