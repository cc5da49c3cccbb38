"""The record of a run: named arrays, tokens, the trace, its target, checks, provenance and the file format."""
