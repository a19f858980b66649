"""Whether every live run can come to its end: judged from the file of a store alone."""
