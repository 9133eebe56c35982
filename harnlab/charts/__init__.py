"""One chart per analysis: a frame in, an Altair chart out."""

from harnlab.charts import autonomy, compare, costs, routes, skills, state, whatif

__all__ = ["autonomy", "compare", "costs", "routes", "skills", "state", "whatif"]
