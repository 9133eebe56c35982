"""New events of a growing transcript or event log, each once and in order.

:func:`tail` follows one log: a transcript, a topic of a file log or all of them, an agent event log, a SQLite log.
"""

from harnlab.tailing.tail import Tail, tail

__all__ = ["Tail", "tail"]
