"""Planted bugs: small wrong edits of the source that the tests have to notice."""
