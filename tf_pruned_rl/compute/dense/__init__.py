"""Dense layers on a CPU: what Keras's layers compute, in an order and a form that two cores finish sooner.

What each technique brought: docs/performance-tried.md.
"""

from __future__ import annotations

from tf_pruned_rl.compute.dense.layers import plan as plan
