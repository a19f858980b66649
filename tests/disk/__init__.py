"""A disk that forgets: the real engine and SQLite store on files that lose what was not synced when the power goes."""
