"""Every single fault at every operation, and pairs of them, over stories of shipped contracts."""
