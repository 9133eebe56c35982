"""Who does the work: this process, a pool of processes, or whatever keeps to ``concurrent.futures.Executor``."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import wait
from typing import Final, TypeVar

from harnlab.errors import HarnlabError, UnreadablePath

Job = TypeVar("Job")
Done = TypeVar("Done")

#: Pools that may break one after another without a job done in between.
MOST_BREAKS: Final = 3


def done_in_turn(
    work: Callable[[Job], Done], jobs: Iterable[Job], *, executor: Executor | None, workers: int | None
) -> Iterator[Done]:
    """What work made of each job, as it is done.

    Parameters
    ----------
    work : callable
        A function of a module; it and the jobs are pickled where processes do the work.
    jobs : iterable
        What to do, in any order.
    executor : concurrent.futures.Executor, optional
        Who does it; jobs it loses are not tried again, for it cannot be started again here.
    workers : int, optional
        Without an executor, how many processes; without either, this process does it.

    Raises
    ------
    UnreadablePath
        Workers were killed again and again, or the executor gave up.
    """
    if executor is not None:
        return _by_executor(work, list(jobs), executor)
    if workers is not None and workers > 1:
        return _by_pool(work, list(jobs), workers)
    return map(work, jobs)


def _by_executor(work: Callable[[Job], Done], jobs: list[Job], executor: Executor) -> Iterator[Done]:
    futures: list[Future[Done]] = []
    try:
        futures += (executor.submit(work, job) for job in jobs)
        for future in as_completed(futures):
            yield future.result()
    except (HarnlabError, KeyboardInterrupt, GeneratorExit):
        raise
    except BrokenExecutor as error:
        raise _gave_up(f"the executor broke: {error}") from None
    except Exception as error:
        # Dask and others have errors of their own for a worker that is lost
        raise _gave_up(f"the executor gave up: {type(error).__name__}: {error}") from error
    finally:
        for future in futures:
            future.cancel()


def _by_pool(work: Callable[[Job], Done], jobs: list[Job], workers: int) -> Iterator[Done]:
    breaks = 0
    while jobs:
        before = len(jobs)
        try:
            for job, done in _by_one_pool(work, jobs, workers):
                jobs.remove(job)
                yield done
        except BrokenProcessPool:
            breaks = breaks + 1 if len(jobs) == before else 1
            if breaks >= MOST_BREAKS:
                raise _gave_up(
                    f"a worker was killed {breaks} times; parts left to write: {len(jobs)}",
                    hint="fewer workers if memory is short; in a script, call it under "
                    '`if __name__ == "__main__":`; what is done is kept',
                ) from None


def _by_one_pool(work: Callable[[Job], Done], jobs: list[Job], workers: int) -> Iterator[tuple[Job, Done]]:
    # not forked: this process may have threads that hold locks
    methods = multiprocessing.get_all_start_methods()
    context = multiprocessing.get_context("forkserver" if "forkserver" in methods else "spawn")
    pool = ProcessPoolExecutor(min(workers, len(jobs)), mp_context=context, initializer=_obey_parent)
    try:
        futures = {pool.submit(work, job): job for job in jobs}
        for future in as_completed(futures):
            yield futures[future], future.result()
    finally:
        pool.shutdown(cancel_futures=True)


def _obey_parent() -> None:
    """Let the parent say when to stop: Ctrl-C is its to answer, and nobody works on when it is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def _gave_up(found: str, *, hint: str = "convert again: what is done is kept") -> UnreadablePath:
    return UnreadablePath(found, where="convert", hint=hint)
