"""What an analysis reads; replay reads the same."""

from harnlab.replay.inputs import Frames

__all__ = ["Frames"]
