"""One feature a file: functions over an analysed contract and an offset, without the wire."""
