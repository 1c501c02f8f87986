"""What the library needs, in the versions it was tried with; the rest is in pyproject.toml."""

from setuptools import find_packages, setup

MINATAR = ["minatar==1.0.15"]  # GPL, version 3: see Licences in CONTRIBUTING.md
TFLITE = ["ai-edge-litert==2.3.0"]  # plays .tflite policies without TensorFlow
VIDEO = ["imageio-ffmpeg~=0.8"]  # evaluate.py --video=FILE.mp4

setup(
    packages=find_packages(include=["tf_pruned_rl", "tf_pruned_rl.*"]),
    package_data={"tf_pruned_rl": ["py.typed"], "tf_pruned_rl.analysis": ["data/*"]},
    zip_safe=False,
    install_requires=[
        "absl-py~=1.4",
        # These five belong together: TF-Agents and tfmot are Keras 2 and follow TensorFlow closely.
        "tensorflow==2.19.1",
        "tf-keras==2.19.0",
        "tf-agents==0.19.0",
        "tensorflow-probability==0.23.0",
        "tensorflow-model-optimization==0.8.1",
        "numpy>=2.1.3,<2.2",
        "gymnasium==1.3.0",  # 1.4 wants a newer typing-extensions than tf-agents allows
        "ale-py==0.12.1",
        "mujoco==4.0.0",
        "imageio~=2.38",  # gymnasium's MuJoCo tasks import it
        "opencv-python-headless>=4.11,<4.12",  # 4.12 wants a newer numpy than TensorFlow allows
        "psutil~=7.2",
        "rich~=15.0",
        "matplotlib~=3.11",
        "pillow~=13.0",
        "rliable~=1.2",
    ],
    extras_require={
        "minatar": MINATAR,
        "gpu": ["tensorflow[and-cuda]==2.19.1"],
        "ray": ["ray==2.60.0"],  # ray[tune] and ray[default] would fall back to old releases
        "slurm": ["submitit==1.5.4"],
        "tflite": TFLITE,
        "video": VIDEO,
        "dev": [
            *MINATAR,
            *TFLITE,
            *VIDEO,
            "pytest~=9.2",
            "pytest-xdist~=3.8",
            "ruff==0.17.6",
            "mypy==1.10.1",  # newer ones want a newer typing-extensions than tf-agents allows
            "scipy~=1.17",
        ],
        "docs": [
            "sphinx~=8.2.3",  # newer ones want a newer typing-extensions than tf-agents allows
            "sphinx-autoapi~=3.9",
            "myst-parser~=5.2",
            "furo==2025.12.19",
        ],
    },
)
