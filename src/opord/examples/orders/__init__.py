"""An order desk: from a paid checkout to a delivered parcel, with a card provider that has bad days."""

__all__ = [
    "demo",
]
