"""What a replay or an analysis reads: anything that gives frames by name, a ``Runs`` or a test's stand-in."""

from harnlab.questions import Frames

__all__ = ["Frames"]
