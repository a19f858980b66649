"""Leave findings out: consequences of others, allowed warnings, and those beyond the limit."""
