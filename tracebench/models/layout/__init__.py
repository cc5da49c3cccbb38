"""The layout of a model: found by proof in its module tree."""
