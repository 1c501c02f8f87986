"""Training: the loop, what it drives, and what is written down on the way."""
