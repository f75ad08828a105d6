"""Single values of params.yaml, in the grammar of `dvc exp run -S`."""

import pytest
import yaml

from stages.planning.overrides import OverrideError, changed

CONTENT = b"""# why
train:
  steps: 10 # of mixtures
  decay: [1, 2]
models:
  pixels: {kind: pixels}
flow: {weights: null}
"""


@pytest.mark.parametrize(
    ("changes", "address", "value"),
    [
        (["train.steps=20"], ("train", "steps"), 20),
        (["train.steps=1e3"], ("train", "steps"), 1000.0),
        (["train.decay=[5,6,7]"], ("train", "decay"), [5, 6, 7]),
        (["flow.weights=lite.bin"], ("flow", "weights"), "lite.bin"),
        (["flow.weights='a,b'"], ("flow", "weights"), "a,b"),
        (["+models.other={kind: motions}"], ("models", "other"), {"kind": "motions"}),
        (["train.steps=20", "train.steps=30"], ("train", "steps"), 30),
    ],
)
def test_a_value_is_changed_where_it_stands(changes: list[str], address: tuple[str, str], value: object) -> None:
    section, key = address
    before, after = yaml.safe_load(CONTENT), yaml.safe_load(changed(CONTENT, changes))
    assert after[section][key] == value
    before[section][key] = value
    assert after == before


def test_what_is_removed_is_gone_and_comments_stay() -> None:
    text = changed(CONTENT, ["~models.pixels", "train.steps=11"])
    assert yaml.safe_load(text)["models"] == {}
    assert b"# why" in text
    assert b"# of mixtures" in text
    assert changed(CONTENT, []) == CONTENT


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ("train.stepz=1", "train.stepz"),
        ("train.steps", "no change of params"),
        ("train.steps=1,2", "several values"),
        ("train.steps=range(1,3)", "several values"),
        ("~models.nobody", "nobody"),
        ("+train.steps=5", "train.steps"),
        ("=5", "Could not override"),
    ],
)
def test_what_is_no_change_is_refused_by_name(change: str, complaint: str) -> None:
    with pytest.raises(OverrideError, match=complaint):
        changed(CONTENT, [change])
