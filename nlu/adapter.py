"""The adapter: small matrices that teach the general sentence encoder how people ask about dystonia.

Each linear layer of the encoder gets a product of two narrow matrices added to its weights (LoRA: Hu and others, 2021).
They are learned by `make adapter` from the training examples (tools/adapter), are part of the project, and stay as they
are when the assistant is trained anew. A fifth of all examples is never shown to the adapter, so that thresholds can be
chosen on them.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Dict, Mapping

import numpy as np

ADAPTER = Path(__file__).resolve().parent / "adapter.npz"
DOWN, UP = "down", "up"
FIFTH = 5


def is_unseen(text: str) -> bool:
    """Whether the adapter was never trained on an example: about a fifth of them, by the hash of the text."""
    return int(hashlib.sha256(text.strip().lower().encode()).hexdigest(), 16) % FIFTH == 0


def mark() -> str:
    """The first letters of the adapter's hash; a graph is named by it."""
    return hashlib.sha256(ADAPTER.read_bytes()).hexdigest()[:12]


def layers(graph: object) -> Dict[str, str]:
    """Which initializer of an ONNX graph holds the weights of each linear layer, by the name of the layer.

    The exporter gave the weights numbers for names; the bias that is added after the product still has its own.
    """
    held = {initializer.name for initializer in graph.initializer}
    biased = {}
    for node in graph.node:
        if node.op_type == "Add":
            for place, name in enumerate(node.input):
                if name in held and name.endswith(".bias"):
                    biased[node.input[1 - place]] = name[: -len(".bias")]
    products = [node for node in graph.node if node.op_type == "MatMul" and node.input[1] in held]
    return {biased[node.output[0]]: node.input[1] for node in products}


def apply(path: Path) -> None:
    """Adds the adapter to the weights of an ONNX file.

    Raises:
        ValueError: the adapter is for a layer that the file has not.
    """
    import onnx
    from onnx import numpy_helper

    model = onnx.load(str(path))
    places = layers(model.graph)
    initializers = {initializer.name: initializer for initializer in model.graph.initializer}
    for name, change in changes(np.load(ADAPTER)).items():
        if name not in places:
            raise ValueError(f"{ADAPTER.name} changes the layer {name}, which {path.name} has not. Mend: make adapter.")
        initializer = initializers[places[name]]
        weights = numpy_helper.to_array(initializer) + change
        initializer.CopyFrom(numpy_helper.from_array(weights.astype(np.float32), initializer.name))
    onnx.save(model, str(path))


def changes(kept: Mapping[str, "np.ndarray"]) -> Dict[str, "np.ndarray"]:
    """What is added to the weights of each layer, shape (inputs, outputs), from its two matrices."""
    names = sorted({key.rpartition(".")[0] for key in kept})
    return {name: kept[f"{name}.{DOWN}"].astype(np.float32) @ kept[f"{name}.{UP}"].astype(np.float32) for name in names}
