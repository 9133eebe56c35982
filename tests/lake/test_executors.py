"""Whoever does the work, the lake is the same; a worker that is killed is no loss."""

from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context

import pytest
from distributed import Client, LocalCluster

import harnlab as hl
from harnlab.errors import UnreadablePath
from harnlab.lake import conversion
from harnlab.lake.executors import done_in_turn
from lake import jobs
from lake.comparing import assert_equals_cold


def test_in_this_process(samples, tmp_path):
    done = hl.convert(samples, tmp_path / "lake")
    assert len(done.parts) > 4
    assert_equals_cold(samples, tmp_path / "lake")


def test_in_a_pool_of_ours_in_which_a_worker_is_killed(samples, tmp_path, monkeypatch):
    monkeypatch.setattr(conversion, "write_part", jobs.written_beside_a_kill)
    hl.convert(samples, tmp_path / "lake", workers=2)
    assert (tmp_path / "killed-once").exists()
    assert_equals_cold(samples, tmp_path / "lake")


def test_on_a_dask_cluster_in_which_a_worker_is_killed(samples, tmp_path, monkeypatch):
    monkeypatch.setattr(conversion, "write_part", jobs.written_beside_a_kill)
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        hl.convert(samples, tmp_path / "lake", executor=client.get_executor())
    assert (tmp_path / "killed-once").exists()
    assert_equals_cold(samples, tmp_path / "lake")


def test_a_pool_of_yours_that_broke_keeps_what_is_done(runs_of_their_own, tmp_path, monkeypatch):
    monkeypatch.setattr(conversion, "write_part", jobs.written_beside_a_kill)
    context = get_context("forkserver")
    with (
        ProcessPoolExecutor(1, mp_context=context) as pool,
        pytest.raises(UnreadablePath, match=r"the executor broke.*Try: convert again"),
    ):
        hl.convert(runs_of_their_own, tmp_path / "lake", executor=pool)
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        hl.convert(runs_of_their_own, tmp_path / "lake", executor=pool)
    assert_equals_cold(runs_of_their_own, tmp_path / "lake")


def test_jobs_of_a_killed_worker_are_done_again(tmp_path):
    given = [(number, str(tmp_path / "marker") if number == 2 else None) for number in range(6)]
    found = done_in_turn(jobs.doubled_or_killed, given, executor=None, workers=2)
    assert sorted(found) == [0, 2, 4, 6, 8, 10]


def test_a_job_that_kills_every_worker_is_given_up_in_words():
    with pytest.raises(UnreadablePath, match=r"a worker was killed 3 times; parts left to write: 1.*memory"):
        list(done_in_turn(jobs.killed, [1], executor=None, workers=2))


def test_an_error_of_an_executor_is_told_and_the_rest_is_called_off():
    class Odd(ThreadPoolExecutor):
        def submit(self, work, job):
            future = futures[job] = Future()
            if job == 0:
                future.set_exception(KeyError("worker-7"))
            return future

    futures = {}
    with Odd(1) as odd, pytest.raises(UnreadablePath, match="the executor gave up: KeyError: 'worker-7'"):
        list(done_in_turn(jobs.process_id, range(3), executor=odd, workers=None))
    assert futures[1].cancelled()
    assert futures[2].cancelled()


def test_one_worker_is_this_process():
    import os

    assert list(done_in_turn(jobs.process_id, [1], executor=None, workers=1)) == [os.getpid()]
