import pytest

from stages.catalogue.licences import licence_of

LICENCES = {"first": "MIT", "own/choir": "CC-BY-NC-4.0", "own": "CC-BY-4.0"}


@pytest.mark.parametrize(
    ("path", "licence"),
    [
        ("first/violin/a.mp4", "MIT"),
        ("own/a.mp4", "CC-BY-4.0"),
        ("own/choir/deep/a.mp4", "CC-BY-NC-4.0"),
        ("own/choirs/a.mp4", "CC-BY-4.0"),
        ("firsthand/a.mp4", None),
        ("a.mp4", None),
    ],
)
def test_the_nearest_named_folder_decides(path: str, licence: str | None) -> None:
    assert licence_of(path, LICENCES) == licence


def test_the_root_covers_what_nothing_else_does() -> None:
    assert licence_of("other/a.mp4", LICENCES | {".": "CC0-1.0"}) == licence_of("a.mp4", {".": "CC0-1.0"}) == "CC0-1.0"
