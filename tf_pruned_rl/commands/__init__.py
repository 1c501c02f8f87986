"""What the commands of experiments/ share; it may use every other package, and none uses it."""
