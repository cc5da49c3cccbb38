"""The plumbing of the views: synced widgets, wire format, selection, answers."""
