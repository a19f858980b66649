"""The errors of an archive. A file that cannot be read or written raises `OSError`."""

from __future__ import annotations


class ArchiveError(Exception):
    """Base of the errors that an archive raises."""


class ArchiveRefused(ArchiveError):
    """The file is not an archive, or belongs to another store, a newer version, or another writer.

    Nothing was changed in it.
    """


class ArchiveDamaged(ArchiveError):
    """A line of the archive is not what was written. Do not write to it any more."""
