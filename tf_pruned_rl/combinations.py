"""Which words of a configuration go together; known before TensorFlow is loaded."""

from __future__ import annotations

from tf_pruned_rl.errors import UserError

SPARSE_FROM_THE_START = ("static", "set", "rigl")
EXCHANGING = ("set", "rigl")


def check_pruning(method: str, distribution: str, structure: str, sparsity: float) -> None:
    """Checks that method, distribution and structure of pruning make sense together.

    Raises:
      UserError: they do not.
    """
    if distribution == "global" and method in SPARSE_FROM_THE_START:
        raise UserError(
            f"--pruning={method} fixes the layers' shares before anything is learned, so there is nothing "
            "that --distribution=global could compare: use erk or uniform"
        )
    if structure != "unstructured" and method in EXCHANGING:
        raise UserError(
            f"--pruning={method} exchanges single weights: use --structure=unstructured, or another --pruning"
        )
    if structure != "unstructured" and distribution == "global":
        raise UserError("--distribution=global compares single weights: use --structure=unstructured")
    if structure == "n_m" and (distribution != "uniform" or sparsity > 0.5):
        raise UserError(
            "--structure=n_m takes at most two weights of every four, in every layer alike: use "
            "--sparsity=0.5 (or less) --distribution=uniform"
        )
