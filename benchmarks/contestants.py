"""The memories that `peers.py` compares, behind one small interface. Runs under the peers' own Python, too.

Every one gets MiniLM's vectors, either from a table (so that the system itself is seen) or from our ONNX MiniLM.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

PEERS = ("mem0", "chroma")
NAMES = ("memoryops", *PEERS)
TABLE_OWNER = Path(__file__).with_name("table_owner.py")


class Encoder(Protocol):
    def embed(self, texts: Sequence[str]) -> np.ndarray: ...

    def embed_query(self, text: str) -> np.ndarray: ...


class Table:
    """An encoder that looks vectors up; a text that is not in it is an error."""

    name, dimension, max_tokens = "minilm", 384, 256

    def __init__(self, texts: Sequence[str], vectors: np.ndarray, fingerprint: str = "") -> None:
        self._rows = {text: row for row, text in enumerate(texts)}
        self._vectors = vectors
        self.fingerprint = fingerprint

    @classmethod
    def load(cls, folder: Path) -> Table:
        """What `save` put into *folder*."""
        texts = (folder / "texts").read_text("utf-8").split("\n")
        vectors = np.load(folder / "vectors.npy", mmap_mode="r")
        return cls(texts, vectors, (folder / "fingerprint").read_text())

    @staticmethod
    def save(folder: Path, texts: Sequence[str], vectors: np.ndarray, fingerprint: str) -> None:
        """Keep the *vectors* (n, 384) of *texts*, none with a line break, for `load` in another process."""
        folder.mkdir(parents=True)
        (folder / "texts").write_text("\n".join(texts), "utf-8")
        np.save(folder / "vectors.npy", vectors)
        (folder / "fingerprint").write_text(fingerprint)

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        return np.asarray(self._vectors[[self._rows[text] for text in texts]])

    def embed_query(self, text: str) -> np.ndarray:
        return np.asarray(self._vectors[self._rows[text]])


def encoder(table: Path | None) -> Encoder:
    """The table in that folder, or MiniLM itself."""
    if table is not None:
        return Table.load(table)
    from memoryops.encoders.registry import load

    return load("minilm")


class MemoryOpsStore:
    """Us, as installed: an owner process and this client. With a table, the owner is one that looks vectors up."""

    def __init__(self, folder: Path, table: Path | None) -> None:
        from memoryops import MemoryOps
        from memoryops.memory.settings import Settings

        self.folder = folder / "data"
        self._owner: subprocess.Popen[bytes] | None = None
        if table is not None:
            command = [sys.executable, str(TABLE_OWNER), str(self.folder), str(table)]
            self._owner = subprocess.Popen(command, stdout=subprocess.PIPE)
            assert self._owner.stdout is not None
            self._owner.stdout.readline()
        self.ops = MemoryOps.open(settings=Settings(data_dir=self.folder))

    def add(self, text: str) -> object:
        return self.ops.add(text)

    def add_many(self, texts: Sequence[str]) -> None:
        self.ops.add_many([{"content": text} for text in texts])

    def settle(self) -> None:
        """Return once everything added is embedded."""
        import time

        while self.ops.store.embedding("default") == "pending":
            time.sleep(0.1)

    def search(self, question: str, limit: int) -> int:
        return len(self.ops.search(question, limit=limit).hits)

    def helpers(self) -> list[int]:
        """Process ids of what works for us beside this process."""
        from memoryops.stores.embedded import rendezvous
        from memoryops.stores.embedded.folder import Folder

        pointer = rendezvous.find(Folder(self.folder.absolute()))
        return [pointer.pid] if pointer is not None else []

    def close(self) -> None:
        from memoryops.stores.embedded.ending import stop_owner

        self.ops.close()
        stop_owner(self.folder)
        if self._owner is not None:
            self._owner.wait()


class Mem0Store:
    """mem0's `Memory` with `infer=False` and its default store (Qdrant's local mode), telemetry off.

    Its embedder is ours in the place of its Hugging Face one. The language model that it wants is never called.
    """

    def __init__(self, folder: Path, table: Path | None) -> None:
        os.environ |= {"MEM0_TELEMETRY": "False", "MEM0_DIR": str(folder / "mem0"), "ANONYMIZED_TELEMETRY": "False"}
        from mem0 import Memory
        from mem0.utils.factory import EmbedderFactory

        vectors = encoder(table)

        class Embedding:
            def __init__(self, config: Any = None) -> None:
                self.config = config

            def embed(self, text: str, memory_action: str | None = None) -> list[float]:
                found: list[float] = vectors.embed_query(text).tolist()
                return found

        globals()["_Mem0Embedding"] = Embedding
        EmbedderFactory.provider_to_class["huggingface"] = f"{__name__}._Mem0Embedding"
        store = {"collection_name": "bench", "path": str(folder / "qdrant"), "embedding_model_dims": 384}
        self.memory = Memory.from_config(
            {
                "vector_store": {"provider": "qdrant", "config": {**store, "on_disk": True}},
                "embedder": {"provider": "huggingface", "config": {"embedding_dims": 384}},
                "llm": {"provider": "openai", "config": {"api_key": "never-used"}},
                "history_db_path": str(folder / "history.db"),
            }
        )

    def add(self, text: str) -> object:
        return self.memory.add(text, user_id="bench", infer=False)

    def add_many(self, texts: Sequence[str]) -> None:
        self.memory.add([{"role": "user", "content": text} for text in texts], user_id="bench", infer=False)

    def settle(self) -> None:
        pass

    def search(self, question: str, limit: int) -> int:
        return len(self.memory.search(question, filters={"user_id": "bench"}, top_k=limit)["results"])

    def helpers(self) -> list[int]:
        return []

    def close(self) -> None:
        with contextlib.suppress(AttributeError):
            self.memory.vector_store.client.close()


class ChromaStore:
    """Chroma's `PersistentClient` with its default settings, telemetry off."""

    def __init__(self, folder: Path, table: Path | None) -> None:
        import chromadb

        settings = chromadb.Settings(anonymized_telemetry=False)
        self.encoder = encoder(table)
        self.client = chromadb.PersistentClient(str(folder / "chroma"), settings)
        self.collection = self.client.get_or_create_collection("bench", embedding_function=None)
        self._number = self.collection.count()

    def add(self, text: str) -> object:
        return self.add_many([text])

    def add_many(self, texts: Sequence[str]) -> None:
        ids = [str(self._number + n) for n in range(len(texts))]
        self._number += len(texts)
        self.collection.add(ids, embeddings=self.encoder.embed(texts), documents=list(texts))

    def settle(self) -> None:
        pass

    def search(self, question: str, limit: int) -> int:
        vector = self.encoder.embed_query(question)
        return len(self.collection.query(query_embeddings=[vector], n_results=limit)["documents"][0])

    def helpers(self) -> list[int]:
        return []

    def close(self) -> None:
        pass


CONTESTANTS: dict[str, Any] = {"memoryops": MemoryOpsStore, "mem0": Mem0Store, "chroma": ChromaStore}
