"""What runs cost: by any dimension, over time, and where a step went past its limit."""

from harnlab.analysis.costs.breakdown import by, exact, total
from harnlab.analysis.costs.nesting import nested
from harnlab.analysis.costs.overruns import overruns
from harnlab.analysis.costs.running import running
from harnlab.analysis.costs.trend import trend
from harnlab.analysis.dimensions import CALL_DIMENSIONS as DIMENSIONS
from harnlab.analysis.dimensions import UNATTRIBUTED

__all__ = ["DIMENSIONS", "UNATTRIBUTED", "by", "exact", "nested", "overruns", "running", "total", "trend"]
