"""Frames that are made when they are asked for: once, by whoever asks first, and never half."""

import weakref
from threading import Barrier, Event, Thread

import polars as pl
import pytest

from harnlab.errors import HarnlabError
from harnlab.frames.when_asked import FramesByMaker

ONE = pl.DataFrame({"a": [1]})


def test_a_frame_is_made_once_though_many_threads_ask_at_once():
    made, asking, found = [], Barrier(4), []

    def maker(_):
        made.append(Event().wait(0.05))
        return ONE.clone()

    def ask():
        asking.wait()
        found.append(frames["one"])

    frames = FramesByMaker({"one": maker})
    threads = [Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1
    assert all(frame is found[0] for frame in found)


def test_a_frame_that_is_there_is_given_while_another_is_still_made():
    begun, enough = Event(), Event()

    def slow(_):
        begun.set()
        assert enough.wait(10)
        return ONE

    frames = FramesByMaker({"slow": slow, "there": lambda _: ONE})
    assert frames["there"] is ONE
    thread = Thread(target=frames.get, args=("slow",))
    thread.start()
    assert begun.wait(10)
    found = []
    other = Thread(target=lambda: found.append(frames["there"]))
    other.start()
    other.join(5)
    enough.set()
    thread.join()
    assert [one is ONE for one in found] == [True]


def test_a_frame_may_be_made_of_others():
    frames = FramesByMaker({"two": lambda all_: pl.concat([all_["one"]] * 2), "one": lambda _: ONE})
    assert frames["two"].height == 2


def test_to_look_what_there_is_makes_nothing():
    def never(_):
        raise AssertionError

    frames = FramesByMaker({"one": never})
    assert "one" in frames
    assert "two" not in frames
    assert list(frames) == ["one"]
    assert len(frames) == 1
    with pytest.raises(KeyError):
        frames["two"]


def test_what_a_frame_was_made_of_is_let_go():
    class Rows:
        """Something that takes memory."""

    rows = Rows()
    frames = FramesByMaker({"one": lambda _, held=rows: ONE.head(1 if held else 0)})
    held = weakref.ref(rows)
    del rows
    assert held() is not None
    assert frames["one"].height == 1
    assert held() is None


def test_a_frame_that_was_taken_is_held_no_longer():
    frames = FramesByMaker.of({"one": ONE.clone()})
    held = weakref.ref(frames["one"])
    taken = frames.take("one")
    assert taken is held()
    del taken
    assert held() is None


def test_what_failed_before_it_took_anything_is_made_when_it_is_asked_for_again():
    tries = []

    def maker(_):
        tries.append(1)
        if len(tries) == 1:
            raise KeyboardInterrupt
        return ONE

    frames = FramesByMaker({"one": maker})
    with pytest.raises(KeyboardInterrupt):
        frames["one"]
    assert frames["one"] is ONE


def test_what_was_stopped_half_way_is_never_given_as_if_it_were_whole():
    rows, stops = FramesByMaker.of({"one": ONE}), [KeyboardInterrupt]

    def maker(_):
        taken = rows.take("one")
        if stops:
            raise stops.pop()
        return taken

    frames = FramesByMaker({"joined": maker})
    with pytest.raises(KeyboardInterrupt):
        frames["joined"]
    with pytest.raises(HarnlabError, match="stopped half-way"):
        frames["joined"]
