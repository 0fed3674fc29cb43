"""Models, tokenizers and adapters from this machine's disk. Nothing is ever downloaded."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

from ...errors import ExtraMissing, ModelUnavailable, UnsupportedModel

INSTALL = "pip install 'memoryops[qrhead]'"


def require() -> None:
    """Raises `ExtraMissing` with the command to paste where torch or transformers is not installed."""
    try:
        import_module("torch")
        import_module("transformers")
    except ImportError as error:
        raise ExtraMissing(f"retrieval heads of decoders need torch and transformers ({error}): {INSTALL}") from error


def load(model: str | Path, lora: str | Path | None = None, dtype: str = "auto", device: str | None = None) -> Any:
    """The causal model in the folder *model* (or of that name in the local Hugging Face cache) and its tokenizer.

    *lora*: the folder of an adapter that peft saved. *dtype*: as its files are, by default. *device*: the first GPU if
    there is one, else the CPU. Raises `ExtraMissing`, `ModelUnavailable` or `UnsupportedModel`.
    """
    require()
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    place = device or ("cuda" if torch.cuda.is_available() else "cpu")
    try:
        tokenizer = AutoTokenizer.from_pretrained(str(model), local_files_only=True)
        loaded = AutoModelForCausalLM.from_pretrained(str(model), dtype=dtype, local_files_only=True)
    except (OSError, ValueError) as error:
        told = str(error).splitlines()[0]
        raise ModelUnavailable(
            f"the model {str(model)!r} cannot be loaded from this machine ({told}); give the path of its folder"
        ) from error
    try:
        loaded = loaded.to(place)
    except (AssertionError, RuntimeError) as error:  # torch raises either for a device that is not there
        told = str(error).splitlines()[0]
        raise ModelUnavailable(f"the model cannot be put on the device {place!r} ({told}); name another") from error
    return (loaded if lora is None else _adapted(loaded, Path(lora), place)), tokenizer


def _adapted(model: Any, folder: Path, device: str) -> Any:
    try:
        from peft import PeftConfig, PeftModel
    except ImportError as error:
        raise ExtraMissing(f"adapters need peft ({error}): {INSTALL}") from error
    if not (folder / "adapter_config.json").is_file():
        raise ModelUnavailable(f"{str(folder)!r} is no folder of an adapter: it has no adapter_config.json")
    if PeftConfig.from_pretrained(str(folder)).is_prompt_learning:
        raise UnsupportedModel(f"the adapter in {str(folder)!r} learns a prompt; give one that changes weights (LoRA)")
    try:
        return PeftModel.from_pretrained(model, str(folder), torch_device=device).get_base_model()
    except (OSError, ValueError, RuntimeError) as error:
        told = str(error).splitlines()[0]
        raise ModelUnavailable(f"the adapter in {str(folder)!r} does not fit its model ({told})") from error
