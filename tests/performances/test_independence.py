"""Nothing but instrument and pose tells the instrument, to a linear probe on pictures."""

from tests.benchmarks.instrument_probe import probe


def test_scenery_and_people_tell_nothing_about_the_instrument_and_the_picture_does() -> None:
    found = probe(30)
    limit = found["chance"] + 3 * found["chance_deviation"]
    assert found["scenery"] < limit
    assert found["person"] < limit
    # The more instruments, the fewer a linear probe of 8 x 8 cells names.
    assert found["picture"] > 2.5 * found["chance"]
