"""params.yaml is typed, closed and complete; what is wrong is named with its address and what was found."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from stages.params import ParamsError, read

CONTENT: dict[str, Any] = yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))


def written(folder: Path, **changes: Any) -> Path:
    """A copy of params.yaml; `a__b=value` sets a.b, `a__b=None` removes it."""
    content = yaml.safe_load(yaml.safe_dump(CONTENT))
    for address, value in changes.items():
        *outer, last = address.split("__")
        section = content
        for key in outer:
            section = section[key]
        section.pop(last, None)
        if value is not None:
            section[last] = value
    path = folder / "params.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


def test_the_values_are_those_of_the_file() -> None:
    params = read(Path("params.yaml"))
    assert params.clip.duration_s == CONTENT["clip"]["duration_s"]
    assert params.models["pixels"].audio.levels == CONTENT["models"]["pixels"]["audio"]["levels"]
    assert params.register_.alias == CONTENT["register"]["alias"]


@pytest.mark.parametrize(
    ("changes", "address"),
    [
        ({"clip__duration_s": None}, "clip.duration_s"),
        ({"clip__durations_s": 3.0}, "clip.durations_s"),
        ({"clip__duration_s": -3.0}, "clip.duration_s"),
        ({"clip__frame_rate_hz": "eight"}, "clip.frame_rate_hz"),
        ({"models__pixels__audio__levels": 99}, "models.pixels.audio.levels"),
        ({"models__pixels__motion": {}}, "models.pixels.motion"),
        ({"train__optimizer__algorithm": "adamm"}, "train.optimizer.algorithm"),
        ({"mixes__test": {"different7": 3}}, "mixes.test"),
        ({"models": {"../escape": CONTENT["models"]["pixels"]}}, "models"),
        ({"trajectories__min_valid": 1.0}, "trajectories.min_valid"),
        ({"trajectories__grid_step_px": 17}, "trajectories.grid_step_px"),
        ({"surprise": {}}, "surprise"),
        ({"index__validation_share": 0.5, "index__test_share": 0.5}, "index"),
    ],
)
def test_a_wrong_entry_is_named(tmp_path: Path, changes: dict[str, Any], address: str) -> None:
    with pytest.raises(ParamsError, match=address.replace(".", r"\.")) as error:
        read(written(tmp_path, **changes))
    assert "found" in str(error.value)


def test_all_wrong_entries_are_named_at_once(tmp_path: Path) -> None:
    with pytest.raises(ParamsError, match="2 wrong entries"):
        read(written(tmp_path, clip__duration_s=0, train__steps=0))


@pytest.mark.parametrize("text", ["", "a: [", "- 1\n", "\x00"])
def test_what_is_no_params_file_is_said_plainly(tmp_path: Path, text: str) -> None:
    (tmp_path / "params.yaml").write_text(text)
    with pytest.raises(ParamsError, match=r"params\.yaml"):
        read(tmp_path / "params.yaml")


def test_a_missing_file_is_said_plainly(tmp_path: Path) -> None:
    with pytest.raises(ParamsError, match="cannot be read"):
        read(tmp_path / "params.yaml")


def test_sections_are_frozen() -> None:
    params = read(Path("params.yaml"))
    with pytest.raises(ValidationError, match="frozen"):
        params.clip.duration_s = 1.0  # type: ignore[misc]


def test_onsets_of_motion_are_taught_to_models_that_see_it_alone(tmp_path: Path) -> None:
    with pytest.raises(ParamsError, match=r"models.pixels sees no motion, which train.pretrain.objective coincidence"):
        read(written(tmp_path, train__pretrain__objective="coincidence"))
    content = yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))
    content["train"]["pretrain"]["objective"] = "coincidence"
    del content["models"]["pixels"], content["train"]["curriculum"]["pixels"]
    path = tmp_path / "motions.yaml"
    path.write_text(yaml.safe_dump(content))
    assert read(path).train.pretrain.objective == "coincidence"
    content["models"]["motions"] |= {"sees": "decode"}
    content["models"]["motions"]["motion"]["input"] = "none"
    path.write_text(yaml.safe_dump(content))
    with pytest.raises(ParamsError, match=r"models.motions sees no motion"):
        read(path)
