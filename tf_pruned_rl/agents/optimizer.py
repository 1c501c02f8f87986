"""Adam as Dopamine uses it: epsilon beside the bias-corrected second moment."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf
import tf_keras


class Adam(tf_keras.optimizers.legacy.Adam):
    """Kingma & Ba, 2015, algorithm 1 (also optax's form): w -= lr * m_hat / (sqrt(v_hat) + epsilon).

    Keras moves the bias corrections into the step size, which adds epsilon to the *un-corrected*
    sqrt(v). With Dopamine's epsilon of 1.5e-4 the first few thousand steps differ much. One fused
    kernel per variable; the slots are Keras's own, so tf.train.Checkpoint finds them.
    """

    def __init__(self, learning_rate: float, epsilon: float) -> None:
        """Makes an optimizer that has no slots yet.

        Args:
          learning_rate: step size.
          epsilon: added to the square root of the bias-corrected second moment.
        """
        # Keras would sum the gradients over replicas, of which there is one, in an operation that waits
        # for all of them; so each variable's step is made as soon as its own gradient is there.
        super().__init__(learning_rate=learning_rate, epsilon=epsilon, gradient_aggregator=list)
        self._optimized: tuple[tf.Variable, ...] = ()
        self._before_update: Callable[[tf.Tensor, tf.Variable], tf.Tensor] = lambda gradient, variable: (
            gradient
        )
        self._after_update: Callable[[tf.Variable], None] = lambda variable: None

    def before_update(self, call: Callable[[tf.Tensor, tf.Variable], tf.Tensor]) -> None:
        """Has each variable follow ``call(gradient, variable)`` instead, in graphs built from now on."""
        self._before_update = call

    def after_update(self, call: Callable[[tf.Variable], None]) -> None:
        """Has ``call`` called with each variable right after its step, in graphs built from now on."""
        self._after_update = call

    def _resource_apply_dense(
        self, grad: tf.Tensor, var: tf.Variable, apply_state: dict[Any, Any] | None = None
    ) -> tf.Operation:
        operation = super()._resource_apply_dense(self._before_update(grad, var), var, apply_state)
        self._after_update(var)
        return operation

    def build(self, variables: Sequence[tf.Variable]) -> None:
        """Creates the step counter and the slots of ``variables`` now, not at the first step."""
        self._create_all_weights(variables)
        self._optimized = tuple(variables)

    def first_moments(self) -> dict[Any, tf.Variable]:
        """Returns {reference of a variable: the moving average of its gradients}, once built."""
        return {variable.ref(): self.get_slot(variable, "m") for variable in self._optimized}

    def _prepare_local(
        self, var_device: str, var_dtype: tf.DType, apply_state: dict[tuple[str, tf.DType], dict[str, Any]]
    ) -> None:
        super()._prepare_local(var_device, var_dtype, apply_state)
        state = apply_state[(var_device, var_dtype)]
        # 1 - beta**t loses five digits in float32 when t is small, so it is computed in float64 and
        # both corrections are handed over in lr and epsilon: beta powers of 0 keep the kernel from
        # making its own.
        step = tf.cast(self.iterations + 1, tf.float64)
        correct_1 = 1 - tf.pow(tf.cast(state["beta_1_t"], tf.float64), step)
        correct_2 = tf.sqrt(1 - tf.pow(tf.cast(state["beta_2_t"], tf.float64), step))
        zero = tf.zeros((), var_dtype)
        state.update(
            lr_t=tf.cast(tf.cast(state["lr_t"], tf.float64) * correct_2 / correct_1, var_dtype),
            epsilon=tf.cast(self.epsilon * correct_2, var_dtype),
            beta_1_power=zero,
            beta_2_power=zero,
        )
