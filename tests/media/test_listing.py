from pathlib import Path

import pytest

from stages.media.listing import arrival_of, find_videos, label_of, printable


def test_files_at_any_depth_in_one_order_without_companions(tmp_path: Path) -> None:
    names = ["b/x.mp4", "a/deep/er/-y.webm", "root.mkv", "a/noextension", "a/.gitignore", "b/x.info.json", "a/x.JPG"]
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "elsewhere").symlink_to("/usr")
    found = find_videos(tmp_path)
    assert found.paths == ("a/deep/er/-y.webm", "a/noextension", "b/x.mp4", "elsewhere", "root.mkv")
    assert found.num_companions == 3


def test_a_root_that_is_no_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="is no folder"):
        find_videos(tmp_path / "absent")


@pytest.mark.parametrize(
    ("path", "arrival", "label"),
    [("x.mp4", ".", None), ("first/x.mp4", "first", "first"), ("first/violin/x.mp4", "first", "violin")],
)
def test_folders_say_arrival_and_label(path: str, arrival: str, label: str | None) -> None:
    assert (arrival_of(path), label_of(path)) == (arrival, label)


def test_names_that_are_no_text_can_be_printed() -> None:
    assert printable("a/\udcffé.mp4") == "a/\\xffé.mp4"
