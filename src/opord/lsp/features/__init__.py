"""One feature a file: functions over an analysed contract and an offset, which know nothing of the wire."""
