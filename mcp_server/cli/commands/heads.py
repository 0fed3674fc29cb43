"""The commands of retrieval heads."""

from __future__ import annotations

from pathlib import Path

from ..parser import Commands


def heads(commands: Commands) -> None:
    group = commands.group("heads", "find the retrieval heads of a language model")
    detect = group.add(
        "detect",
        "score every attention head of a local model on questions with known answers, and write the best as a list",
        "cli.heads:detect",
        "memoryops heads detect --model models/llama --data questions.jsonl --out llama-heads.json",
        takes="settings",
    )
    detect.add_argument(
        "--model", required=True, metavar="PATH", help="folder of a causal model that transformers can load"
    )
    detect.add_argument("--lora", metavar="PATH", help="folder of an adapter that peft saved")
    detect.add_argument(
        "--data",
        required=True,
        type=Path,
        metavar="FILE",
        help='JSON lines, also gzipped: {"query": "…", "documents": ["…"], "gold": [0]}',
    )
    detect.add_argument("--out", required=True, type=Path, metavar="FILE", help="where the list is written")
    detect.add_argument(
        "--method",
        choices=["mean", "ndcg"],
        default="mean",
        help="mean: score on gold documents, for long contexts; ndcg: nDCG@10, for ranking (default: mean)",
    )
    detect.add_argument("--top", type=int, default=16, metavar="N", help="heads to keep (default: 16)")
    detect.add_argument("--window", type=int, metavar="N", help="most tokens of a prompt (default: the model's own)")
    detect.add_argument("--device", metavar="NAME", help="cpu, cuda, mps … (default: cuda if there is one, else cpu)")
