"""One worker per peer, each run by the interpreter of an environment of its own."""
