"""A bench as one HTML file, which opens without a kernel and without a network."""
