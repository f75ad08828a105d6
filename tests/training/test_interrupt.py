"""SIGTERM is noted within the block and means what it did before after it."""

import os
import signal

import pytest

from stages.training.interrupt import end_if, stop_on_sigterm


def test_sigterm_is_only_noted_within_the_block() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with stop_on_sigterm() as stop:
        assert not stop.requested
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop.requested
    assert signal.getsignal(signal.SIGTERM) is before


def test_an_unfinished_run_ends_as_if_killed() -> None:
    end_if(False)
    with pytest.raises(SystemExit) as error:
        end_if(True)
    assert error.value.code == 143
