"""Work that is done in other processes, which import it from here."""

import os
import signal
import time
from pathlib import Path

from harnlab.lake.parts import write_part


def written_beside_a_kill(job):
    """Write a part; the first worker to come here is killed, as the system kills one when memory is short."""
    if _is_first(job.lake.with_name("killed-once")):
        os.kill(os.getpid(), signal.SIGKILL)
    return write_part(job)


def doubled_or_killed(job):
    number, marker = job
    if marker and _is_first(Path(marker)):
        os.kill(os.getpid(), signal.SIGKILL)
    return 2 * number


def killed(job):
    os.kill(os.getpid(), signal.SIGKILL)


def process_id(job):
    return os.getpid()


def _is_first(marker):
    try:
        marker.touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


def process_id_then_sleep(seconds):
    time.sleep(seconds)
    return os.getpid()
