"""A package of another maker, and how the tests install it."""
