"""Files to frames, nothing else: a reader reads, types, and names file, line and offset; it decides nothing."""
