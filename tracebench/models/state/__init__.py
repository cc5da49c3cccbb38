"""The state of a model: fingerprints, circumstances, digests and its lock."""
