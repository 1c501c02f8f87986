"""What the benchmarks share: who is measured, how turns are taken, what is counted and shown."""
