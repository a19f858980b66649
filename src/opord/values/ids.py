"""Ids that need no central authority: unique, and sorted by time."""

from __future__ import annotations


def uuid7(now_us: int, random_bits: int) -> str:
    """Return a UUID of version 7 (RFC 9562, section 5.7).

    It is made from an instant in microseconds and 74 random bits.
    """
    milliseconds = (now_us // 1000) & ((1 << 48) - 1)
    high = (random_bits >> 62) & 0xFFF
    low = random_bits & ((1 << 62) - 1)
    value = (milliseconds << 80) | (0x7 << 76) | (high << 64) | (0b10 << 62) | low
    digits = f"{value:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
