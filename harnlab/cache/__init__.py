"""What was read of large transcripts, kept as Parquet, so that the second look does not read them again.

A file is known again by its path, size, time of change and both ends; of one that grew, only the new lines are read.
Whatever is wrong with what is kept, the file itself is read instead: the cache makes no difference but time.
"""
