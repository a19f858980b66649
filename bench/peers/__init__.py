"""Opord beside other engines for durable work: the same orders on each of them, on one machine, in one go."""
