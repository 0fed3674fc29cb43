"""Tiny models of several families with random weights, their tokenizer, and the paper's arithmetic done naively."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from tokenizers import Tokenizer
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel
from tokenizers.processors import TemplateProcessing
from tokenizers.trainers import BpeTrainer

DOCUMENTS = (
    "The staging certificate expires on 3 May and Ada renews it.",
    "Releases go out on Tuesdays.",
    "Größe: 12 µm, measured by the 数据库 team; see the log.\nSecond line of it.",
    "The red kite sleeps by the river, the blue kite over the hill, and nobody counts them.",
)
QUERIES = ("When does the certificate expire?", "kite", "Who measured the size, and what does the log say of it? 数")
HEADS = ((1, 3), (0, 0), (2, 1), (1, 2))
EARLY = " Here are some paragraphs:"
LATE = "Please find information that are relevant to the following query in the paragraphs above."
FAMILIES = ("llama", "qwen2", "qwen3", "mistral", "gemma2", "gemma3", "phi3", "gpt_oss")
SIZES: dict[str, Any] = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "max_position_embeddings": 2048,
    "initializer_range": 0.4,
    "pad_token_id": 0,
    "bos_token_id": 0,
    "eos_token_id": 0,
}
OWN: dict[str, dict[str, Any]] = {
    "mistral": {"sliding_window": 24},
    "gemma2": {"sliding_window": 24, "attn_logit_softcapping": 1.5, "query_pre_attn_scalar": 13},
    "gemma3": {
        "sliding_window": 24,
        "query_pre_attn_scalar": 13,
        "layer_types": ["sliding_attention", "full_attention"] * 2,
    },
    "gpt_oss": {
        "sliding_window": 24,
        "num_local_experts": 2,
        "num_experts_per_tok": 1,
        "rope_parameters": {"rope_type": "default", "rope_theta": 10_000.0},
    },
}
CLASSES = {
    "llama": "Llama",
    "qwen2": "Qwen2",
    "qwen3": "Qwen3",
    "mistral": "Mistral",
    "gemma2": "Gemma2",
    "gemma3": "Gemma3",
    "phi3": "Phi3",
    "gpt_oss": "GptOss",
}


def tokenizer(special: Sequence[str] = (), known: Sequence[str] = (), length: int = 2048) -> Any:
    """A byte-level BPE of about 400 tokens that puts <s> in front, as Llama's does, and has the words *known* whole."""
    transformers = pytest.importorskip("transformers", reason="needs it: pip install 'memoryops[qrhead]'")
    made = Tokenizer(BPE())
    made.pre_tokenizer = ByteLevel(add_prefix_space=False)
    trainer = BpeTrainer(
        vocab_size=400, special_tokens=["<s>", *special], initial_alphabet=ByteLevel.alphabet(), show_progress=False
    )
    made.train_from_iterator(
        [*DOCUMENTS, EARLY, LATE, "Query: N/A", *(f" {word}" for word in known for _ in range(99))], trainer
    )
    made.post_processor = TemplateProcessing(single="<s> $A", pair=None, special_tokens=[("<s>", 0)])
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=made, bos_token="<s>", pad_token="<s>", model_max_length=length
    )


def model(family: str, **own: Any) -> Any:
    """A causal model of *family* with eager attention, in evaluation; the same one for the same arguments."""
    torch = pytest.importorskip("torch", reason="needs it: pip install 'memoryops[qrhead]'")
    transformers = pytest.importorskip("transformers", reason="needs it: pip install 'memoryops[qrhead]'")
    name = CLASSES[family]
    config = getattr(transformers, f"{name}TextConfig" if family == "gemma3" else f"{name}Config")
    torch.manual_seed(7)
    values = {**SIZES, "vocab_size": 400, **OWN.get(family, {}), **own}
    made = getattr(transformers, f"{name}ForCausalLM")._from_config(config(**values), attn_implementation="eager")
    with torch.no_grad():
        for parameter_name, parameter in made.named_parameters():
            if parameter_name.endswith(("sinks", "bias")):
                parameter.normal_(0, 0.4)
    return made.eval()


def prompt(documents: Sequence[str], query: str) -> str:
    """What the paper's code asks a model that it knows no chat format of."""
    numbered = "".join(f"\n\n[{number}] {document}" for number, document in enumerate(documents, start=1))
    return f"{EARLY}{numbered}\n\n{LATE}\n\nQuery: {query}"


def naive(eager: Any, words: Any, documents: Sequence[str], query: str) -> list[Any]:
    """The calibrated scores of each document's tokens, its number included: a tensor heads × tokens for each, from the
    full attention matrices of the *eager* model, heads layer by layer."""
    asked, starts = _attention(eager, words, documents, query)
    null, _ = _attention(eager, words, documents, "N/A")
    return [(asked - null)[:, first : last + 1] for first, last in starts]


def _attention(eager: Any, words: Any, documents: Sequence[str], query: str) -> tuple[Any, list[tuple[int, int]]]:
    import torch

    text = prompt(documents, query)
    encoded = words(text, return_offsets_mapping=True, return_tensors="pt")
    first_of: dict[int, int] = {}
    last_of: dict[int, int] = {}
    for token, (start, end) in enumerate(encoded.pop("offset_mapping")[0].tolist()):
        for place in range(start, end):
            first_of.setdefault(place, token)
            last_of[place] = token
    with torch.no_grad():
        attentions = eager(**encoded, output_attentions=True).attentions
    row = first_of[text.index(LATE)]
    spans = []
    for number, document in enumerate(documents, start=1):
        own = f"[{number}] {document}"
        start = text.index(own)
        spans.append((first_of[start], last_of[start + len(own) - 1]))
    means = torch.cat([layer[0, :, row:, :row].float().mean(dim=1) for layer in attentions])
    return means, spans


def place_of(head: tuple[int, int]) -> int:
    """Where *head* is among all, layer by layer."""
    return head[0] * int(SIZES["num_attention_heads"]) + head[1]
