import pytest

from stages.training.batches import TrainingClips
from stages.training.licences import licence_card
from tests.synth.learning import decoded


def trained(*videos: tuple[str, ...]) -> TrainingClips:
    return TrainingClips(videos, (1.0,) * len(videos), num_samples=1, num_silent=0)


def test_videos_that_are_trained_on_are_counted_by_licence() -> None:
    clips = [
        decoded("0-0", video_id="a", licence="MIT"),
        decoded("0-1", video_id="a", licence="MIT"),
        decoded("1-0", licence=None),
        decoded("2-0", licence="CC-BY-NC-4.0"),
    ]
    card = licence_card(clips, trained(("0-0", "0-1"), ("1-0",)))
    assert card == {"licences": {"MIT": 1, "unknown": 1}, "non_commercial": False}
    assert licence_card(clips, trained(("1-0",), ("2-0",)))["non_commercial"] is True


@pytest.mark.parametrize(
    ("licence", "non_commercial"),
    [
        ("CC-BY-NC-4.0", True),
        ("CC-BY-NC-SA-4.0", True),
        ("MIT AND CC-BY-NC-ND-4.0", True),
        ("NCSA", False),
        ("CC-BY-4.0", False),
        ("CC0-1.0", False),
    ],
)
def test_a_licence_is_non_commercial_by_its_nc(licence: str, non_commercial: bool) -> None:
    card = licence_card([decoded("0-0", licence=licence)], trained(("0-0",)))
    assert card["non_commercial"] is non_commercial
