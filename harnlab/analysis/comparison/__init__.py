"""Parts of :mod:`harnlab.analysis.compare`: which runs belong together, and what is counted of them."""
