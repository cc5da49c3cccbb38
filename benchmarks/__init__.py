"""What things cost, as ratios measured in one process: ``python -m benchmarks`` runs all of them."""
