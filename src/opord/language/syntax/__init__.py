"""How a contract is written: from source text to tokens to a tree, and the one form in which `opord fmt` writes it."""
