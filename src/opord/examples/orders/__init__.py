"""An order desk: from a paid checkout to a delivered parcel, with an unreliable card provider."""

__all__ = [
    "demo",
]
