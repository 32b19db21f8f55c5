"""Floor 1: the nouns. Frozen structs; no I/O, no clock, no dice."""
