"""Results: frozen data with named axes. One kind of finding per file; they never print and know no HTML."""
