"""Results: frozen data with named axes, one kind per file. A result never prints and knows no HTML."""
