"""New events of a growing transcript or event log, each once and in order.

:func:`tail` follows one file: a transcript, a topic of a file log, an agent event log or a SQLite log.
"""

from harnlab.tailing.tail import Tail, tail

__all__ = ["Tail", "tail"]
