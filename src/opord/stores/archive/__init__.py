"""Archives: files of lines that hold the whole history of pruned runs."""

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
