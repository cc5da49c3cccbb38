// The headless widget behind `Selection`. All views of a page share this one object: `host.getWidget(ref)` returns it.

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
