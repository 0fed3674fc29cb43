"""Any dense model that `fastembed` knows, from a local folder or its cache."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from functools import cached_property
from importlib import import_module
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from .errors import EncoderUnavailable
from .ports import Vectors
from .runtime import silence_telemetry
from .vectors import unit_rows

UNLIMITED = 1_000_000
HASHED = ("*.onnx", "*.onnx_data", "*.safetensors", "tokenizer.json")


class FastEmbedEncoder:
    """Encoder over ``fastembed.TextEmbedding`` (extra ``fastembed``).

    *model* is a name from ``TextEmbedding.list_supported_models()``. *path* is a folder with the model's
    files; without it they must be in fastembed's cache. Nothing is downloaded unless *download* is true.
    *threads* is the number of CPU threads. Texts are embedded *batch* at a time; above 1, the vectors of
    quantised models depend slightly on a text's neighbours.

    Raises `EncoderUnavailable` where fastembed, the model or its files are missing.
    """

    def __init__(
        self,
        model: str,
        path: Path | str | None = None,
        *,
        threads: int | None = None,
        batch: int = 1,
        download: bool = False,
    ) -> None:
        self.name = f"fastembed:{model}"
        self._model = model
        self._path = Path(path) if path is not None else None
        self._batch = batch
        self._loading = Lock()
        self._options = {"threads": threads, "local_files_only": not download}

    def __repr__(self) -> str:
        return f"FastEmbedEncoder({self._model!r})"

    @cached_property
    def dimension(self) -> int:
        """Length of a vector, measured."""
        return int(np.shape(next(iter(self._loaded.embed(["dimension"]))))[0])

    @cached_property
    def max_tokens(self) -> int:
        """Where the model's tokenizer truncates; a million for models that have no limit."""
        truncation = getattr(getattr(self._loaded.model, "tokenizer", None), "truncation", None)
        return int(truncation["max_length"]) if truncation else UNLIMITED

    @cached_property
    def fingerprint(self) -> str:
        """Over the model's files, its name and the way its states are pooled."""
        inner = self._loaded.model
        digest = hashlib.sha256(f"{self._model.lower()}\n{type(inner).__name__}".encode())
        folder = self._path or Path(inner._model_dir)
        for file in sorted({file for pattern in HASHED for file in folder.rglob(pattern)}):
            with file.open("rb") as stream:
                digest.update(hashlib.file_digest(stream, "sha256").digest())
        return f"fastembed-{digest.hexdigest()[:16]}"

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Vectors of *texts*, (n, dimension) float32, each of length 1."""
        if not texts:
            return np.zeros((0, self.dimension), np.float32)
        return self._unit(list(self._loaded.passage_embed([_clean(t) for t in texts], batch_size=self._batch)))

    def embed_query(self, text: str) -> Vectors:
        """The vector of a question, (dimension,), with the model's own treatment of questions."""
        vector: Vectors = self._unit(list(self._loaded.query_embed([_clean(text)])))[0]
        return vector

    def _unit(self, rows: list[Any]) -> Vectors:
        """Some models give a text without known tokens the zero vector: it gets equal numbers instead."""
        matrix = np.array(rows, np.float32)
        matrix[~matrix.any(axis=1)] = 1
        return unit_rows(matrix, self.name)

    @property
    def _loaded(self) -> Any:
        with self._loading:
            return self._text_embedding

    @cached_property
    def _text_embedding(self) -> Any:
        try:
            silence_telemetry()
            fastembed = import_module("fastembed")
        except ImportError as error:
            raise EncoderUnavailable(
                f"{self.name} needs the package fastembed. Install it: pip install 'memoryops[fastembed]'"
            ) from error
        known = {model["model"].lower() for model in fastembed.TextEmbedding.list_supported_models()}
        if self._model.lower() not in known:
            raise EncoderUnavailable(
                f"fastembed does not know the model {self._model!r}. Choose a name from "
                "fastembed.TextEmbedding.list_supported_models()."
            )
        return self._open(fastembed.TextEmbedding)

    def _open(self, text_embedding: Any) -> Any:
        path = self._path
        if path is not None and not path.is_dir():
            raise EncoderUnavailable(f"the folder {str(path)!r} of {self.name} does not exist. Correct the path.")
        broken = import_module("onnxruntime.capi.onnxruntime_pybind11_state")
        failures = (ValueError, OSError, KeyError, broken.Fail, broken.InvalidProtobuf, broken.NoSuchFile)
        where = f"from {str(path)!r}" if path is not None else "from fastembed's cache"
        try:
            if path is not None:
                _require_json(path)
            return text_embedding(
                self._model, specific_model_path=str(path) if path is not None else None, **self._options
            )
        except failures as error:
            raise EncoderUnavailable(
                f"{self.name} could not be loaded {where} ({error}). Give a folder with its files "
                f"(fastembed:{self._model}@/path/to/folder), or download it: "
                f"memoryops models pull {self.name}"
            ) from error


def _require_json(folder: Path) -> None:
    """The tokenizers package raises a bare ``Exception`` for a file that is no JSON; this is a ValueError."""
    for file in folder.glob("*.json"):
        json.loads(file.read_text(encoding="utf-8"))


def _clean(text: str) -> str:
    """Lone surrogates, which UTF-8 cannot hold, become question marks."""
    return text.encode("utf-8", "replace").decode()
