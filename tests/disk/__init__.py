"""A lossy disk: the real engine and store on files that lose unsynced data in a power loss."""
