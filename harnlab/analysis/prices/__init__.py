"""Recorded costs held against a price table the analyst names: what differs, by how much, and why.

Nothing is recomputed unless asked, and no price is invented: a call the table has no price for stays without one.
Recomputed costs are exact decimals of the table's rates; sums are exact too, and rounded once to the float shown.
"""

from harnlab.analysis.prices.causes import Cause
from harnlab.analysis.prices.reading import read
from harnlab.analysis.prices.recomputed import differences, recompute
from harnlab.replay.price_table import CacheConvention, Price, PriceTable

__all__ = ["CacheConvention", "Cause", "Price", "PriceTable", "differences", "read", "recompute"]
