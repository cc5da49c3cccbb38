"""Analyses: one published method per file, in folders named after the question that they answer."""
