"""Makes the unfinished runs of a figure, several at a time, on one machine or several.

    python experiments/sweep.py --figure=1 --budget=small --runs=runs/small

The same command resumes a sweep, whatever stopped it.
"""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

from absl import flags

from tf_pruned_rl.analysis.figures import flags as figure_flags
from tf_pruned_rl.config.flags import run_main
from tf_pruned_rl.errors import UserError
from tf_pruned_rl.registry import SWEEP_ENGINES
from tf_pruned_rl.sweeps import cost, engines, jobs, status, view
from tf_pruned_rl.sweeps.driver import Report, Sweep
from tf_pruned_rl.training.progress import create_console
from tf_pruned_rl.training.signals import Signals

figure_flags.define_flags()
_DATA = flags.DEFINE_string("data", "", "Figure 6: folder of the data set, as --data of offline.py.")
_STATUS = flags.DEFINE_bool("status", False, "Print the status of every run, and do nothing else.")
_DRY_RUN = flags.DEFINE_bool("dry_run", False, "Print what is left to do and its cost, and do nothing else.")
_ENGINE = flags.DEFINE_enum("engine", "local", SWEEP_ENGINES.names(), "Who makes the runs.")
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
    """Makes the runs, or shows their status or cost; returns 1 if a run failed."""
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
        directory=figure_flags.runs_directory().absolute(),
        cluster=_CLUSTER.value,
        slurm=tuple(_SLURM.value),
    )
    signals = Signals()
    try:
        report = Sweep(table, engines.create(_ENGINE.value, resources), view.View()).run(signals)
    finally:
        signals.restore()
    _print(report)
    if signals.received:
        sys.exit(128 + signals.received)
    return 1 if report.failed else None


def _jobs() -> tuple[jobs.Job, ...]:
    """Returns the runs that the flags name."""
    figure = figure_flags.figure()
    if figure.command == "offline":
        figure = dataclasses.replace(figure, common={**figure.common, "data": _data(figure.number)})
    table = jobs.create(figure.runs(), figure_flags.runs_directory(), Path(__file__).parent, _THREADS.value)
    if not table:
        raise UserError(f"figure {figure.number} needs no runs: experiments/figures.py draws it without any")
    return table


def _data(number: str) -> str:
    if not _DATA.value and not (_DRY_RUN.value or _STATUS.value):
        raise UserError(
            f"--figure={number} learns from fixed data: give --data=DIR, which holds GAME/RUN/replay_logs"
        )
    return _DATA.value


def _print(report: Report) -> None:
    for failure in report.failed:
        print(f"failed: {failure.job.name}: {failure.detail} (log: {failure.job.log})")
    left = f", {report.remaining} left" if report.remaining else ""
    runs = figure_flags.runs_directory()
    print(f"{report.finished} finished, {len(report.failed)} failed{left}; run directories in {runs}")
    if report.remaining or report.failed:
        print("The same command resumes the sweep.")


if __name__ == "__main__":
    run_main(main)
