"""The contract language: from source text to the checked contract, with everything worth saying on the way."""
