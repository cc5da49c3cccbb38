"""Analyses: one published method per file, in folders named for the question."""
