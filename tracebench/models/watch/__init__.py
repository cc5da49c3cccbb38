"""Watching a model while it runs: attention, residual stream, embeddings, unembedding."""
