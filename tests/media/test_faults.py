import pickle

import pytest

from stages.media.faults import MediaError, plain_line


def test_details_are_one_printable_line_that_is_equal_in_every_run() -> None:
    said = "[h264 @ 0x55aa12] error\n in file:/proc/self/fd/17: \x1b[31mred\x07"
    assert plain_line(said) == "[h264] error in the file: ?[31mred?"
    assert len(plain_line("x" * 10_000)) == 300


def test_a_fault_survives_the_way_from_a_worker() -> None:
    fault = pickle.loads(pickle.dumps(MediaError("damaged", "3 errors")))
    assert (fault.reason, fault.detail, str(fault)) == ("damaged", "3 errors", "damaged: 3 errors")


def test_reasons_are_a_closed_list() -> None:
    with pytest.raises(KeyError):
        MediaError("because", "")
