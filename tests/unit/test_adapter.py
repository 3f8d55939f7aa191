"""The adapter: it fits the encoder, changes what it should, and leaves a fifth of the examples unseen."""
from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from nlu import adapter

LAYER = "encoder.layer.0.output.dense"


def tiny_graph(path: Path) -> None:
    """One linear layer, its weights under a number, as the exporter names them."""
    weights = numpy_helper.from_array(np.ones((3, 2), np.float32), "val_7")
    bias = numpy_helper.from_array(np.zeros(2, np.float32), f"{LAYER}.bias")
    nodes = [
        helper.make_node("MatMul", ["x", "val_7"], ["product"]),
        helper.make_node("Add", [f"{LAYER}.bias", "product"], ["y"]),
    ]
    inputs, outputs = (
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, size])] for name, size in (("x", 3), ("y", 2))
    )
    onnx.save(helper.make_model(helper.make_graph(nodes, "tiny", inputs, outputs, [weights, bias])), str(path))


def kept(path: Path, layer: str) -> None:
    """An adapter of rank 1 that adds 0, 2 and 4 to the rows of a layer's weights."""
    matrices = {f"{layer}.down": np.array([[0], [1], [2]], np.float16), f"{layer}.up": np.array([[2, 2]], np.float16)}
    np.savez(path, **matrices)


def test_the_adapter_is_added_to_the_weights_of_its_layer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny_graph(tmp_path / "graph.onnx")
    kept(tmp_path / "adapter.npz", LAYER)
    monkeypatch.setattr(adapter, "ADAPTER", tmp_path / "adapter.npz")
    adapter.apply(tmp_path / "graph.onnx")
    weights = {each.name: numpy_helper.to_array(each) for each in onnx.load(str(tmp_path / "graph.onnx")).graph.initializer}
    assert weights["val_7"].tolist() == [[1, 1], [3, 3], [5, 5]]
    assert not weights[f"{LAYER}.bias"].any()


def test_an_adapter_for_another_encoder_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny_graph(tmp_path / "graph.onnx")
    kept(tmp_path / "adapter.npz", "encoder.layer.11.output.dense")
    monkeypatch.setattr(adapter, "ADAPTER", tmp_path / "adapter.npz")
    with pytest.raises(ValueError, match=r"layer\.11.*Mend: make adapter"):
        adapter.apply(tmp_path / "graph.onnx")


def test_the_adapter_of_the_project_changes_every_linear_layer() -> None:
    changes = adapter.changes(np.load(adapter.ADAPTER))
    assert len(changes) == 6 * 6
    assert all(np.isfinite(change).all() and np.abs(change).max() > 1e-4 for change in changes.values())


def test_about_a_fifth_of_all_examples_is_unseen_whatever_their_case() -> None:
    texts = [f"question number {number}" for number in range(5000)]
    assert 0.18 < sum(map(adapter.is_unseen, texts)) / len(texts) < 0.22
    assert all(adapter.is_unseen(text) == adapter.is_unseen(f" {text.upper()} ") for text in texts)
