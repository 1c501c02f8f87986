"""Runs the test files it is given under pytest: the main of Bazel's py_test targets."""

import sys

import pytest

if __name__ == "__main__":
    sys.exit(pytest.main(["-c", "pyproject.toml", *sys.argv[1:]]))
