"""A lake: every frame of some runs as Parquet, with the way back to the files it was read from (docs/lake.md)."""
