import pytest

from stages.fingerprints.names import id_of


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("a/-Qowmc0P9ic.mp4", "-Qowmc0P9ic"),
        ("vgg_-Qowmc0P9ic_34000_44000.mp4", "-Qowmc0P9ic"),
        ("_Qowmc0P9ic_000034.mp4", "_Qowmc0P9ic"),
        ("A title, long [-QowmcoPXic].webm", "-QowmcoPXic"),
        ("violin_solo.mp4", None),
        ("performance.mp4", None),
        ("Qowmc0P9ic.mp4", None),
        ("a concert of 2019.mp4", None),
    ],
)
def test_ids_are_told_from_words(path: str, name: str | None) -> None:
    assert id_of(path) == name
