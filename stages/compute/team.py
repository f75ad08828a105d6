"""Workers that learn together, under Ray Train: torch.distributed connects them, and they start anew when one dies."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from stages.compute.crew import Share, workers_on
from stages.compute.errors import MAX_DEATHS, PoolError
from stages.compute.pool import open_ray

Result = TypeVar("Result")

# Read by Ray Train in this process and handed on: workers stay in the folder where they are, the death of one and the
# end of all are noticed at once, and what they print comes through as it is.
_SETTINGS = {
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
    "RAY_TRAIN_HEALTH_CHECK_INTERVAL_S": "0.5",
    "RAY_TRAIN_ENABLE_PRINT_PATCH": "0",
    "RAY_TRAIN_METRICS_ENABLED": "0",
    "RAY_TRAIN_ENABLE_PREEMPTION_WATCHER": "0",
}
_SECONDS_TO_ANSWER = 1800  # of a rank, while the first one validates


@dataclass(frozen=True, slots=True)
class Run:
    """What a team works on: known by its name, which says all that it depends on."""

    name: str
    store: Path  # absolute; Ray Train leaves a marker in <store>/<name>
    reached: Callable[[], int]  # grows with what is kept: a worker's death after progress is none too many


class Team:
    """So many workers, each with its share of a node."""

    def __init__(self, size: int, share: Share) -> None:
        self._size, self._share = size, share

    def work(self, function: Callable[[], Result], run: Run) -> Result:
        """Call a picklable function on every worker, in this process's folder; the result of the first rank.

        Within it torch.distributed is set up (nccl where the share has a GPU, else gloo), on a thread of the worker.
        When a worker dies all are started anew and call the function again.

        Raises:
            ValueError, OSError: What a rank raised, as it was.
            PoolError: Workers died again and again without progress, or could not start.
        """
        from ray.train import TrainingFailedError

        deaths, reached = 0, run.reached()
        while True:
            try:
                return self._fit(function, run)
            except TrainingFailedError as error:
                for fault in _faults(error):
                    if isinstance(fault, ValueError | OSError):
                        raise fault from error
                before, reached = reached, run.reached()
                deaths = 1 if reached > before else deaths + 1
                if deaths > MAX_DEATHS:
                    said = f"workers died {deaths} times in a row without progress; the last time: {error}"
                    raise PoolError(said) from error
                print(f"a worker died; all {self._size} go on from what was kept", file=sys.stderr, flush=True)

    def _fit(self, function: Callable[[], Result], run: Run) -> Result:
        from ray.train import FailureConfig, RunConfig, ScalingConfig
        from ray.train.torch import TorchConfig, TorchTrainer
        from ray.train.v2.api.config import LoggingConfig

        folder, share = Path.cwd(), self._share

        def call() -> Result:
            os.chdir(folder)
            return function()

        class Trainer(TorchTrainer):
            def _create_default_callbacks(self) -> list[Any]:
                """Without the one that asks ray's dashboard, of which we start none, whether the run is over."""
                made = super()._create_default_callbacks()
                return [callback for callback in made if type(callback).__name__ != "PlacementGroupCleanerCallback"]

        trainer = Trainer(
            call,
            torch_config=TorchConfig(backend="nccl" if share.num_gpus else "gloo", timeout_s=_SECONDS_TO_ANSWER),
            scaling_config=ScalingConfig(
                num_workers=self._size,
                use_gpu=bool(share.num_gpus),
                resources_per_worker={"CPU": share.num_cpus, **({"GPU": share.num_gpus} if share.num_gpus else {})},
            ),
            run_config=RunConfig(
                name=run.name,
                storage_path=str(run.store),
                failure_config=FailureConfig(max_failures=0, controller_failure_limit=MAX_DEATHS),
                logging_config=LoggingConfig("ERROR"),
            ),
        )
        returned: Any = trainer.fit().return_value
        return returned


@contextmanager
def open_team(size: int, share: Share) -> Iterator[Team]:
    """Start ray once and shut it down; `PoolError` where the nodes have no room for so many workers."""
    for name, value in _SETTINGS.items():
        os.environ.setdefault(name, value)
    with open_ray(share.folders) as ray:
        nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        room = sum(workers_on(resources, share) for resources in nodes)
        if room < size:
            found = [{name: resources.get(name, 0) for name in ("CPU", "GPU")} for resources in nodes]
            raise PoolError(
                f"{size} workers of {share.num_cpus:g} CPUs and {share.num_gpus:g} GPUs are wanted, nodes have room "
                f"for {room}; found {found}; lower train.workers or train.worker_cpus, or raise "
                f"PIXELS_WORKERS"
            )
        yield Team(size, share)


def _faults(error: BaseException) -> list[Any]:
    """What ranks raised themselves; a rank that lost another one says so as a RuntimeError."""
    failures: dict[int, Any] = getattr(error, "worker_failures", {})
    return [getattr(failure, "_base_exc", failure) for failure in failures.values()]
