"""Exports the policy of a run, from its newest checkpoint.

python experiments/export.py --run_dir=runs/NAME
"""

from __future__ import annotations

from pathlib import Path

from absl import flags

from tf_pruned_rl.config.flags import run_main
from tf_pruned_rl.exporting.formats import FORMATS, export, parse
from tf_pruned_rl.exporting.run import load_run
from tf_pruned_rl.policies import policy_json

_RUN_DIR = flags.DEFINE_string("run_dir", None, "Directory of the run.", required=True)
_OUT = flags.DEFINE_string("out", None, "Directory to write the policy to; by default RUN_DIR/policy.")
_FORMAT = flags.DEFINE_string(
    "format",
    "saved_model",
    f"Formats, separated by commas: {', '.join(FORMATS)} (compact writes both). All but the SavedModel lie "
    "beside it, in OUT-FORMAT, and are verified on frames of the game.",
)
_REPORT = flags.DEFINE_boolean(
    "report", False, "Measure the formats beside dense twins; writes OUT-report.txt, .json and .png."
)
_REPORT_RUNS = flags.DEFINE_integer(
    "report_runs", 200, "Runs of each policy, batch size and number of threads.", lower_bound=1
)
_REPORT_SECONDS = flags.DEFINE_float(
    "report_seconds",
    0,
    "Make fewer runs of a batch of 32 where those of a format take longer than this; 0: make all.",
    lower_bound=0,
)
_EPISODES = flags.DEFINE_integer("episodes", 0, "Episodes the report plays with each format.", lower_bound=0)
_FORCE = flags.DEFINE_boolean("force", False, "Write formats whose actions differ too often, too.")


def table(description: dict) -> str:
    """Returns what was exported for people: a line per layer, the total, the sizes."""
    rows = [("layer", "shape", "weights", "left", "sparsity", "MACs left")]
    for row in description["layers"]:
        shape = "x".join(map(str, row["shape"]))
        share = f"{row['macs_left'] / row['macs']:.1%}"
        rows.append(
            (
                row["layer"],
                shape,
                f"{row['parameters']:,}",
                f"{row['nonzero']:,}",
                f"{row['sparsity']:.2%}",
                share,
            )
        )
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in rows]
    sizes = policy_json.size(description)
    lines += [
        "",
        f"sparsity of all kernels  {description['sparsity']:.4%}",
        f"asked by the schedule    {description['target_sparsity']:.4%}",
        f"parameters left          {description['parameters_left']:,} of {description['parameters']:,}",
        f"size                     {sizes['raw'] / 1e6:.2f} MB, gzipped {sizes['gzip'] / 1e6:.2f} MB",
        f"trained for              {description['training']['frames']:,} frames",
    ]
    if "verification" in description:
        found = description["verification"]
        lines += [
            f"verified on              {found['frames']:,} frames of the game",
            f"equal actions            {found['equal_actions']:.2%}",
            f"largest Q difference     {found['max_q_difference']:.2g}; Q ranges over {found['q_range']:.2g}",
        ]
    return "\n".join(lines)


def main(argv: list[str]) -> None:
    """Exports, prints."""
    del argv
    out = Path(_OUT.value or Path(_RUN_DIR.value) / "policy")
    names = parse(_FORMAT.value)
    trained = load_run(_RUN_DIR.value)
    exported = export(trained, out, names, force=_FORCE.value)
    for directory, description in exported:
        print(f"{description['format']}\n{table(description)}")
        print(f"policy                   {directory}")
        print(f"play it with             python experiments/evaluate.py --policy={directory}\n")
    if _REPORT.value:
        from tf_pruned_rl.exporting import report

        made = report.make(
            trained,
            exported,
            runs=_REPORT_RUNS.value,
            seconds=_REPORT_SECONDS.value,
            episodes=_EPISODES.value,
            seed=trained.config.run.seed,
        )
        written = report.save(made, out.with_name(f"{out.name}-report"))
        print(report.text(made) + "\n\nreport                   " + " ".join(map(str, written)))


if __name__ == "__main__":
    run_main(main)
