"""Every single fault at every operation, and pairs of them, over stories of the contracts that the project ships."""
