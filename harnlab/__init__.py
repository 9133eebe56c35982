"""harnlab: observability notebooks for Harn agent runs."""

__version__ = "0.1.0.dev0"
