"""How often each token of a text occurs in it. An example of a package that adds a kind of result to tracebench."""
