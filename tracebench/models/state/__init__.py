"""The state of a model: fingerprint of the weights, configuration and torch settings, digests of logits, and the lock."""
