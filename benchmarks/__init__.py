"""Time and memory as ratios, measured in one process: ``python -m benchmarks`` runs all benchmarks."""
