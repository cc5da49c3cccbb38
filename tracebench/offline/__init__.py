"""Any state of the bench as one HTML file that opens without a kernel and without a network."""
