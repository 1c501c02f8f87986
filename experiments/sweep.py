"""Makes the runs of a figure: all that are not finished, several at a time, on one machine or many.

    python experiments/sweep.py --figure=1 --budget=small --runs=runs/small

The same command goes on where it stopped, whatever stopped it.
"""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

from absl import flags

from tf_pruned_rl.analysis.figures import asked
from tf_pruned_rl.config.flags import run_main
from tf_pruned_rl.errors import UserError
from tf_pruned_rl.sweeps import cost, engines, jobs, status, view
from tf_pruned_rl.sweeps.driver import Report, Sweep
from tf_pruned_rl.training.progress import create_console
from tf_pruned_rl.training.signals import Signals

asked.define_flags()
_DATA = flags.DEFINE_string("data", "", "Figure 6: where the data lie, as offline.py's --data says.")
_STATUS = flags.DEFINE_bool("status", False, "Say how every run stands, and do nothing.")
_DRY_RUN = flags.DEFINE_bool("dry_run", False, "Say what there is to do and what it costs, and do nothing.")
_ENGINE = flags.DEFINE_enum("engine", "local", list(engines.ENGINES), "Who makes the runs.")
_JOBS = flags.DEFINE_integer(
    "jobs", 0, "Runs at a time. 0: locally, all places on the GPUs, or a run for each core; else no limit."
)
_RUNS_PER_GPU = flags.DEFINE_integer("runs_per_gpu", 1, "Runs that share a GPU.", lower_bound=1)
_THREADS = flags.DEFINE_integer("threads", 1, "CPU cores a run keeps busy.", lower_bound=1)
_CLUSTER = flags.DEFINE_string(
    "cluster", "", "ray: address of the cluster; empty starts one here. slurm: submitit's name of a cluster."
)
_SLURM = flags.DEFINE_list(
    "slurm", [], "Parameters of submitit, such as slurm_partition=gpu,gpus_per_node=1,timeout_min=1440."
)


def main(argv: list[str]) -> int | None:
    """Does what is left to do; returns 1 if a run failed."""
    del argv
    table = _jobs()
    console = create_console()
    if _DRY_RUN.value:
        console.print(cost.table([status.read(job) for job in table]))
        return None
    if _STATUS.value:
        statuses = [status.read(job) for job in table]
        console.print(view.table(statuses))
        print(view.summary(statuses))
        return None
    resources = engines.Resources(
        jobs=_JOBS.value,
        runs_per_gpu=_RUNS_PER_GPU.value,
        threads=_THREADS.value,
        directory=asked.runs().absolute(),
        cluster=_CLUSTER.value,
        slurm=tuple(_SLURM.value),
    )
    signals = Signals()
    try:
        report = Sweep(table, engines.create(_ENGINE.value, resources), view.View()).run(signals)
    finally:
        signals.restore()
    _say(report)
    if signals.received:
        sys.exit(128 + signals.received)
    return 1 if report.failed else None


def _jobs() -> tuple[jobs.Job, ...]:
    """Returns the runs that the flags name."""
    figure = asked.figure()
    if figure.command == "offline":
        figure = dataclasses.replace(figure, common={**figure.common, "data": _data(figure.number)})
    table = jobs.create(figure.runs(), asked.runs(), Path(__file__).parent, _THREADS.value)
    if not table:
        raise UserError(f"figure {figure.number} needs no runs: experiments/figures.py draws it as it is")
    return table


def _data(number: str) -> str:
    if not _DATA.value and not (_DRY_RUN.value or _STATUS.value):
        raise UserError(
            f"--figure={number} learns from fixed data: give --data=DIR, which holds GAME/RUN/replay_logs"
        )
    return _DATA.value


def _say(report: Report) -> None:
    for one in report.failed:
        print(f"failed: {one.job.name}: {one.detail} (log: {one.job.log})")
    remainder = f", {report.left} left" if report.left else ""
    print(f"{report.finished} finished, {len(report.failed)} failed{remainder}; they lie in {asked.runs()}")
    if report.left or report.failed:
        print("The same command goes on from here.")


if __name__ == "__main__":
    run_main(main)
