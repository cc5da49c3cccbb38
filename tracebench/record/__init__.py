"""What was said: named arrays, tokens, the trace, its target, checks, provenance and the file format."""
