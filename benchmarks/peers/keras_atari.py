"""A bare Keras step of DQN: the network, its target and Adam; nobody acts, nothing is stored or drawn.

What a loop could reach whose emulator, actions and replay cost nothing, were its step written plainly.
It runs on this project's own TensorFlow; the project's package only chooses the Keras version.
"""

from __future__ import annotations

from measuring import settings as s
from measuring import worker
from measuring.settings import Settings

from peers import keras_networks
from tf_pruned_rl.environments import games
from tf_pruned_rl.runtime import muted_stderr

with muted_stderr():
    import tensorflow as tf
    import tf_keras


class Keras:
    """See Worker; one batch is learned from again and again."""

    def __init__(self, settings: Settings):
        self._settings = settings
        actions = len(games.minimal_actions(settings.game))
        networks = [tf_keras.Sequential(keras_networks.layers(settings, actions)) for _ in range(2)]
        for network in networks:
            network.build([None, 84, 84, 4])
        self._network, self._target = networks
        self._target.set_weights(self._network.get_weights())
        self._optimizer = tf_keras.optimizers.legacy.Adam(s.LEARNING_RATE, epsilon=s.ADAM_EPSILON)
        size = [settings.batch_size]
        self._batch = (
            *(tf.cast(tf.random.uniform([*size, 84, 84, 4], 0, 256, tf.int32), tf.uint8) for _ in range(2)),
            tf.random.uniform(size, 0, actions, tf.int32),
            tf.random.uniform(size),
        )
        self._train = tf.function(self._step)
        self.loop(2.0)

    def _step(
        self, frames: tf.Tensor, next_frames: tf.Tensor, actions: tf.Tensor, rewards: tf.Tensor
    ) -> tf.Tensor:
        targets = rewards + s.GAMMA * tf.reduce_max(self._target(next_frames), -1)
        with tf.GradientTape() as tape:
            values = tf.gather(self._network(frames), actions, batch_dims=1)
            loss = tf.reduce_mean(tf.square(targets - values))
        variables = self._network.trainable_variables
        self._optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
        return loss

    def about(self) -> dict[str, object]:
        """See Worker."""
        return {"parameters": self._network.count_params(), "versions": {"tensorflow": tf.__version__}}

    def _once(self) -> None:
        self._train(*self._batch).numpy()

    def loop(self, seconds: float) -> dict[str, float]:
        """See Worker: gradient steps, each counted as the agent steps that would lie between two."""
        return worker.run_for(self._once, seconds, self._settings.gradient_every)

    def parts(self, seconds: float) -> dict[str, float]:
        """See Worker."""
        return {"train": worker.median_ms(self._once, seconds)}

    def rare(self) -> dict[str, float]:
        """See Worker."""
        return {}


if __name__ == "__main__":
    worker.serve(Keras)
