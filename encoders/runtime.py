"""ONNX Runtime, imported without its telemetry.

Its official Linux wheels report usage to their maker unless this variable is set before the first import.
"""

from __future__ import annotations

import os
from importlib import import_module
from types import ModuleType


def silence_telemetry() -> None:
    """Switch the telemetry of the model runtimes off for this process; call before importing one."""
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"


def onnxruntime() -> ModuleType:
    """The module onnxruntime."""
    silence_telemetry()
    return import_module("onnxruntime")
