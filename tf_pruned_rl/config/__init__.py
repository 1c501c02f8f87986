"""What a run is: every field with its unit and its values, the presets, and what is legal.

TensorFlow is not loaded here.
"""

from tf_pruned_rl.config import kinds
from tf_pruned_rl.config.games import (
    EnvironmentConfig,
    LearningConfig,
    NetworkConfig,
    ReplayConfig,
    RunConfig,
)
from tf_pruned_rl.config.runs import (
    CONFIGS,
    GROUPS,
    Config,
    ContinuousConfig,
    ExperimentConfig,
    GameConfig,
    OfflineConfig,
    config_class,
    fields,
    flatten,
    preset,
    replace,
)

__all__ = [
    "CONFIGS",
    "GROUPS",
    "Config",
    "ContinuousConfig",
    "EnvironmentConfig",
    "ExperimentConfig",
    "GameConfig",
    "LearningConfig",
    "NetworkConfig",
    "OfflineConfig",
    "ReplayConfig",
    "RunConfig",
    "config_class",
    "fields",
    "flatten",
    "kinds",
    "preset",
    "replace",
]
