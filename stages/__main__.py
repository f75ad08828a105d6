"""`python -m stages <stage> [item]`: what dvc.yaml calls. Slow imports happen only once a stage is chosen."""

from collections.abc import Callable
from typing import Annotated

import typer

from stages.launch import launch

STAGES = {
    "perform": "Render the built-in corpus of performances (item: arrival folder).",
    "index": "List the clips of a folder of videos; say why a video is refused.",
    "decode": "Decode indexed videos into frame, audio and motion shards.",
    "mixes": "Draw the fixed mixes on which models are compared.",
    "train": "Train one model by mix-and-separate (item: model).",
    "baselines": "Score mixture, constant and ideal masks on the fixed mixes.",
    "evaluate": "Score one model on the fixed mixes (item: model).",
    "report": "Gather all scores into one table.",
    "register": "Record a run and a model version in MLflow (item: model).",
}

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__, pretty_exceptions_enable=False)


def _command(stage: str) -> Callable[[str | None], None]:
    def command(item: Annotated[str | None, typer.Argument(help="Item of a foreach stage.")] = None) -> None:
        launch(stage, item)

    return command


for _stage, _summary in STAGES.items():
    app.command(_stage, help=_summary)(_command(_stage))

if __name__ == "__main__":
    app()
