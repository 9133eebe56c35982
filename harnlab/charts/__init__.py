"""One chart per analysis: a frame in, an Altair chart out."""
