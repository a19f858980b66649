"""Which findings are left out: consequences of others, those that an `allow` silences, and more than anybody reads."""
