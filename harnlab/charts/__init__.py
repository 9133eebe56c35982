"""One chart per analysis: a frame in, an Altair chart out."""

from harnlab.charts import costs, routes

__all__ = ["costs", "routes"]
