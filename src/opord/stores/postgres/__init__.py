"""A store in a PostgreSQL database, shared by as many workers and machines as one likes."""
