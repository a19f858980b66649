"""An archive: a file of lines that tell the whole stories of runs which a store does not keep any more."""

from opord.stores.archive.errors import ArchiveDamaged, ArchiveError, ArchiveRefused
from opord.stores.archive.reading import Archive, Archived, Damage
from opord.stores.archive.writing import ArchiveWriter

__all__ = [
    "Archive",
    "ArchiveDamaged",
    "ArchiveError",
    "ArchiveRefused",
    "ArchiveWriter",
    "Archived",
    "Damage",
    "errors",
]
