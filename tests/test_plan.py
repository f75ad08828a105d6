"""`make plan`: durations and reasons in few words, and nothing slow loaded."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from dags.graph import read_graph
from stages.plan import duration, why


@pytest.mark.parametrize(("seconds", "text"), [(None, ""), (0.6, "0:01"), (75, "1:15"), (3675, "1:01:15")])
def test_duration(seconds: float | None, text: str) -> None:
    assert duration(seconds) == text


def test_why_is_short() -> None:
    assert why(()) == "up to date"
    assert why(("a", "b")) == "a; b"
    assert why(("a", "b", "c", "d", "e")) == "a; b; c and 2 more"


def test_the_plan_of_this_project_names_every_stage_once() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "stages", "plan", "--json"], capture_output=True, text=True, check=True
    )
    names = [row["state"]["name"] for row in json.loads(done.stdout)]
    assert names.index("perform@first") < names.index("index") < names.index("train@pixels") < names.index("report")
    assert sorted(names) == sorted(read_graph(Path()).stages)


def test_planning_loads_no_torch() -> None:
    code = "import sys, stages.plan; print('torch' in sys.modules, 'mlflow' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
