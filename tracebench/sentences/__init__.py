"""The sentences of results, one file per kind."""
