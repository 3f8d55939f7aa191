"""The training of the adapter, in TensorFlow: runs in the environment that holds it, which the assistant does not need.

The encoder's own weights stay as they are; narrow matrices beside each linear layer are learned (LoRA: Hu and others, 2021,
https://arxiv.org/abs/2106.09685). Three tasks share the sentence vector: which intent an example has, which card its
question belongs to, and which red flag or boundary it is. Some letters slip on purpose, so that slips matter less.
"""
from __future__ import annotations

import json
import random
import sys
import time
from pathlib import Path
from typing import Any, Dict, Iterator, List, Sequence, Tuple

import numpy as np
import onnx
import tensorflow as tf
from onnx import numpy_helper
from tokenizers import Tokenizer

from nlu import adapter
from tools.held_out import with_slips

HEADS, LAYERS, WIDTH = 12, 6, 384
RANK = 16
EPOCHS = 4
BATCH = 64
LIKE_LENGTHS = 20
"""Batches that are sorted by length together, so that little is padded."""
STEP = 1e-3
HEAD_STEP = 5e-3
WARM_UP = 0.1
SCALE = 8.0
"""The unit vector is so much longer where it meets the tasks' regressions."""
DROPPED = 0.1
SMOOTHED = 0.05
SLIPPING = 0.2
"""Share of examples that get a slip of the keyboard, a new one each time."""
MAX_TOKENS = 64
SEED = 20261121
TASKS = ("intent", "card", "alarm")

LINEAR = (
    "attention.self.query",
    "attention.self.key",
    "attention.self.value",
    "attention.output.dense",
    "intermediate.dense",
    "output.dense",
)


class Encoder(tf.Module):
    """The encoder with narrow matrices beside its linear layers."""

    def __init__(self, graph: Path) -> None:
        super().__init__()
        model = onnx.load(str(graph))
        held = {each.name: numpy_helper.to_array(each) for each in model.graph.initializer}
        self._fixed = {name: tf.constant(held[place]) for name, place in adapter.layers(model.graph).items()}
        self._fixed.update(
            {
                name: tf.constant(values)
                for name, values in held.items()
                if name.startswith("inner.") and values.dtype == np.float32
            }
        )
        chance = np.random.RandomState(SEED)
        self.narrow: Dict[str, tf.Variable] = {}
        for name in (f"inner.encoder.layer.{layer}.{linear}" for layer in range(LAYERS) for linear in LINEAR):
            inputs, outputs = self._fixed[name].shape
            down = chance.randn(inputs, RANK).astype(np.float32) / np.sqrt(inputs)
            self.narrow[f"{name}.{adapter.DOWN}"] = tf.Variable(down)
            self.narrow[f"{name}.{adapter.UP}"] = tf.Variable(tf.zeros((RANK, outputs)))

    def vectors(self, ids: tf.Tensor, mask: tf.Tensor, rate: float) -> tf.Tensor:
        """Unit vectors of shape (sentences, 384), for word pieces and their mask of shape (sentences, pieces)."""
        sentences, pieces = tf.shape(ids)[0], tf.shape(ids)[1]
        fixed = self._fixed
        words = tf.gather(fixed["inner.embeddings.word_embeddings.weight"], ids)
        places = fixed["inner.embeddings.position_embeddings.weight"][:pieces]
        state = self._norm(words + places + fixed["inner.embeddings.token_type_embeddings.weight"][0], "inner.embeddings")
        hidden = (1 - mask)[:, None, None, :] * -1e9
        for layer in range(LAYERS):
            name = f"inner.encoder.layer.{layer}"

            def split(values: tf.Tensor) -> tf.Tensor:
                return tf.transpose(tf.reshape(values, (sentences, pieces, HEADS, WIDTH // HEADS)), (0, 2, 1, 3))

            query, key, value = (
                split(self._linear(state, f"{name}.attention.self.{each}")) for each in ("query", "key", "value")
            )
            looks = tf.nn.softmax(tf.matmul(query, key, transpose_b=True) / np.sqrt(WIDTH / HEADS).astype(np.float32) + hidden)
            seen = tf.reshape(tf.transpose(tf.matmul(looks, value), (0, 2, 1, 3)), (sentences, pieces, WIDTH))
            seen = tf.nn.dropout(self._linear(seen, f"{name}.attention.output.dense"), rate)
            state = self._norm(state + seen, f"{name}.attention.output")
            inner = tf.nn.gelu(self._linear(state, f"{name}.intermediate.dense"))
            state = self._norm(state + tf.nn.dropout(self._linear(inner, f"{name}.output.dense"), rate), f"{name}.output")
        means = tf.reduce_sum(state * mask[:, :, None], axis=1) / tf.reduce_sum(mask, axis=1, keepdims=True)
        return tf.math.l2_normalize(means, axis=1)

    def _linear(self, values: tf.Tensor, name: str) -> tf.Tensor:
        narrow = tf.tensordot(
            tf.tensordot(values, self.narrow[f"{name}.{adapter.DOWN}"], 1), self.narrow[f"{name}.{adapter.UP}"], 1
        )
        return tf.tensordot(values, self._fixed[name], 1) + self._fixed[f"{name}.bias"] + narrow

    def _norm(self, values: tf.Tensor, name: str) -> tf.Tensor:
        mean, variance = tf.nn.moments(values, -1, keepdims=True)
        scaled = (values - mean) * tf.math.rsqrt(variance + 1e-12)
        return scaled * self._fixed[f"{name}.LayerNorm.weight"] + self._fixed[f"{name}.LayerNorm.bias"]


def targets(rows: Sequence[Dict[str, Any]], task: str) -> Tuple["np.ndarray", int]:
    """The class of each row in a task, -1 where it has none, and how many classes there are."""
    names = sorted({row[task] for row in rows if row[task] is not None})
    return np.array([names.index(row[task]) if row[task] is not None else -1 for row in rows], np.int32), len(names)


def batches(
    rows: Sequence[Dict[str, Any]], tokenizer: Tokenizer, chance: random.Random
) -> Iterator[Tuple["np.ndarray", "np.ndarray", "np.ndarray"]]:
    """Row numbers, word pieces and mask of each batch of an epoch, in a new order."""
    order = chance.sample(range(len(rows)), len(rows))
    wide = BATCH * LIKE_LENGTHS
    for start in range(0, len(order), wide):
        alike = sorted(order[start : start + wide], key=lambda row: len(rows[row]["text"]))
        groups = [alike[first : first + BATCH] for first in range(0, len(alike), BATCH)]
        for group in chance.sample(groups, len(groups)):
            texts = [rows[row]["text"] for row in group]
            texts = [with_slips(text, 1, chance.getrandbits(32)) if chance.random() < SLIPPING else text for text in texts]
            pieces = [encoding.ids for encoding in tokenizer.encode_batch(texts)]
            ids, mask = (np.zeros((len(group), max(map(len, pieces))), kind) for kind in (np.int32, np.float32))
            for place, each in enumerate(pieces):
                ids[place, : len(each)], mask[place, : len(each)] = each, 1
            yield np.array(group), ids, mask


def train(rows: List[Dict[str, Any]], graph: Path, tokenizer: Tokenizer) -> Dict[str, "np.ndarray"]:
    """Learns the adapter from rows with text, intent, card and alarm; returns the matrices as 16-bit numbers."""
    tf.random.set_seed(SEED)
    tf.config.experimental.enable_op_determinism()
    chance = random.Random(SEED)
    encoder = Encoder(graph)
    wanted = {task: targets(rows, task) for task in TASKS}
    heads = {
        task: (tf.Variable(tf.random.normal((WIDTH, count), stddev=0.02)), tf.Variable(tf.zeros(count)))
        for task, (_, count) in wanted.items()
    }
    sizes = np.bincount(wanted["intent"][0])
    rarity = tf.constant(np.sqrt(sizes.mean() / sizes).astype(np.float32))
    steps = EPOCHS * -(-len(rows) // BATCH)

    class Rising(tf.keras.optimizers.schedules.LearningRateSchedule):
        """Up to the full step in the first tenth, then down to nothing (Smith and Topin, 2018)."""

        def __init__(self, top: float) -> None:
            self.top = top

        def __call__(self, step: Any) -> Any:
            share = tf.cast(step, tf.float32) / steps
            return self.top * tf.minimum(
                share / WARM_UP, 0.5 * (1 + tf.cos(np.pi * tf.minimum(1.0, (share - WARM_UP) / (1 - WARM_UP))))
            )

    narrow = list(encoder.narrow.values())
    weights = [variable for head in heads.values() for variable in head]
    optimisers = [tf.keras.optimizers.AdamW(Rising(top), weight_decay=0.01) for top in (STEP, HEAD_STEP)]
    for optimiser, variables in zip(optimisers, (narrow, weights)):
        optimiser.build(variables)

    @tf.function(reduce_retracing=True)
    def step(ids: tf.Tensor, mask: tf.Tensor, intent: tf.Tensor, card: tf.Tensor, alarm: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            vectors = tf.nn.dropout(SCALE * encoder.vectors(ids, mask, DROPPED), DROPPED)
            loss = 0.0
            for task, truth in (("intent", intent), ("card", card), ("alarm", alarm)):
                count, (slope, offset) = wanted[task][1], heads[task]
                known = tf.cast(truth >= 0, tf.float32)
                if task == "intent":
                    known *= tf.gather(rarity, truth)
                even = tf.one_hot(truth, count) * (1 - SMOOTHED) + SMOOTHED / count
                losses = tf.nn.softmax_cross_entropy_with_logits(even, vectors @ slope + offset)
                loss += tf.reduce_sum(known * losses) / tf.maximum(tf.reduce_sum(known), 1.0)
        slopes, _ = tf.clip_by_global_norm(tape.gradient(loss, narrow + weights), 1.0)
        optimisers[0].apply_gradients(zip(slopes[: len(narrow)], narrow))
        optimisers[1].apply_gradients(zip(slopes[len(narrow) :], weights))
        return loss

    started = time.monotonic()
    for epoch in range(EPOCHS):
        losses: List[float] = []
        for rows_of, ids, mask in batches(rows, tokenizer, chance):
            losses.append(
                float(step(tf.constant(ids), tf.constant(mask), *(tf.constant(wanted[task][0][rows_of]) for task in TASKS)))
            )
            if len(losses) % 20 == 0:
                print(
                    f"\repoch {epoch + 1} of {EPOCHS}, batch {len(losses)} of {steps // EPOCHS}, "
                    f"{time.monotonic() - started:.0f} s, loss {np.mean(losses[-20:]):.2f} ",
                    end="",
                    flush=True,
                )
        print(
            f"\repoch {epoch + 1} of {EPOCHS}: {time.monotonic() - started:.0f} s, "
            f"mean loss {np.mean(losses):.3f}{' ' * 30}",
            flush=True,
        )
    return {name: variable.numpy().astype(np.float16) for name, variable in encoder.narrow.items()}


def main() -> int:
    """Arguments: the examples (JSON), the encoder's graph (ONNX), its tokenizer (JSON), where the adapter goes (npz)."""
    rows, graph, words, target = map(Path, sys.argv[1:5])
    tokenizer = Tokenizer.from_file(str(words))
    tokenizer.no_padding()
    tokenizer.enable_truncation(MAX_TOKENS)
    np.savez_compressed(target, **train(json.loads(rows.read_text(encoding="utf-8")), graph, tokenizer))
    return 0


if __name__ == "__main__":
    sys.exit(main())
