"""What a run is: every field with its unit, the presets, and what is legal.

TensorFlow is not loaded here.
"""

from tf_pruned_rl.config.runs import (
    AGENTS,
    CONTROL_AGENTS,
    CONTROL_PRESETS,
    GROUPS,
    OFFLINE_AGENTS,
    PRESETS,
    SUITES,
    Config,
    ContinuousConfig,
    EnvironmentConfig,
    ExperimentConfig,
    LearningConfig,
    NetworkConfig,
    OfflineConfig,
    ReplayConfig,
    RunConfig,
    agent_names,
    flatten,
    kind,
    preset,
    preset_names,
    replace,
)

__all__ = [
    "AGENTS",
    "CONTROL_AGENTS",
    "CONTROL_PRESETS",
    "GROUPS",
    "OFFLINE_AGENTS",
    "PRESETS",
    "SUITES",
    "Config",
    "ContinuousConfig",
    "EnvironmentConfig",
    "ExperimentConfig",
    "LearningConfig",
    "NetworkConfig",
    "OfflineConfig",
    "ReplayConfig",
    "RunConfig",
    "agent_names",
    "flatten",
    "kind",
    "preset",
    "preset_names",
    "replace",
]
