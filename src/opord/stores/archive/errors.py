"""What an archive refuses. A file that cannot be read or written is an `OSError`, as for any file."""

from __future__ import annotations


class ArchiveError(Exception):
    """Base of what an archive raises."""


class ArchiveRefused(ArchiveError):
    """The file is no archive, one of another store, of a newer version, or in use; nothing was changed in it."""


class ArchiveDamaged(ArchiveError):
    """A line that stood in the archive is not what was written; nobody should write on."""
