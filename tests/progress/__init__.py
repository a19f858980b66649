"""Check, from the file of a store alone, that every live run can come to its end."""
