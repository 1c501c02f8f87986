"""Exports the policy of a run, from its newest checkpoint.

python experiments/export.py --run_dir=runs/NAME
"""

from __future__ import annotations

from absl import flags

from tf_pruned_rl.exporting.run import export_run
from tf_pruned_rl.flags import run_main

_RUN_DIR = flags.DEFINE_string("run_dir", None, "Directory of the run.", required=True)
_OUT = flags.DEFINE_string("out", None, "Directory to write the policy to; by default RUN_DIR/policy.")


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
    sizes = description["sizes_in_bytes"]["saved_model"]
    lines += [
        "",
        f"sparsity of all kernels  {description['sparsity']:.4%}",
        f"asked by the schedule    {description['target_sparsity']:.4%}",
        f"parameters left          {description['parameters_left']:,} of {description['parameters']:,}",
        f"size                     {sizes['raw'] / 1e6:.2f} MB, gzipped {sizes['gzip'] / 1e6:.2f} MB",
        f"trained for              {description['training']['frames']:,} frames",
    ]
    return "\n".join(lines)


def main(argv: list[str]) -> None:
    """Exports, prints."""
    del argv
    directory, description = export_run(_RUN_DIR.value, _OUT.value)
    print(table(description))
    print(f"\npolicy                   {directory}")
    print(f"play it with             python experiments/evaluate.py --policy={directory}")


if __name__ == "__main__":
    run_main(main)
