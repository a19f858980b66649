"""The wire: what the protocol asks, turned into calls of features, and their answers turned into what it sends."""
