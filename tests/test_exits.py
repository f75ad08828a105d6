"""Statuses of commands: whether another try can help."""

import errno

import pytest

from stages.compute.errors import PoolError, item_error
from stages.exits import LATER, WRONG, status_of
from stages.shards.files import DiskFullError
from stages.tracking.server import TrackingError


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ValueError("params.yaml: 1 wrong entries"), WRONG),
        (FileNotFoundError(errno.ENOENT, "no such file"), WRONG),
        (PermissionError(errno.EACCES, "permission denied"), WRONG),
        (DiskFullError(errno.ENOSPC, "the disk is full"), LATER),
        (OSError(errno.EIO, "input/output error"), LATER),
        (TrackingError("MLflow does not answer"), LATER),
        (PoolError("the workers could not be started"), LATER),
        (item_error("a.mp4", DiskFullError(errno.ENOSPC, "the disk is full")), LATER),
        (item_error("a.mp4", FileNotFoundError(errno.ENOENT, "no such file")), WRONG),
        (item_error("a.mp4", KeyError("a")), WRONG),
        (TimeoutError(errno.ETIMEDOUT, "timed out"), LATER),
    ],
)
def test_what_may_pass_is_told_from_what_will_not(error: Exception, status: int) -> None:
    assert status_of(error) == status


def test_they_are_those_that_schedulers_know() -> None:
    assert (WRONG, LATER) == (1, 75)
