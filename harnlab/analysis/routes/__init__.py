"""Where calls were sent, who decided it, what came back: routes inherited in silence and what they cost."""

from harnlab.analysis.dimensions import DISPATCH_DIMENSIONS as DIMENSIONS
from harnlab.analysis.routes.account import Incident
from harnlab.analysis.routes.incident import incident
from harnlab.analysis.routes.inherited import inherited
from harnlab.analysis.routes.matrix import matrix
from harnlab.analysis.routes.outcomes import outcomes
from harnlab.analysis.routes.trend import trend

__all__ = ["DIMENSIONS", "Incident", "incident", "inherited", "matrix", "outcomes", "trend"]
