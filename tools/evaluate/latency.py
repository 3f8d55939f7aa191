"""How long each component of the pipeline takes over single messages."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import Any, Callable, Dict, Iterator, List, Sequence

from tools.assistant import Assistant

WHOLE = "the whole parse"
WARM_UP = 5


def milliseconds(assistant: Assistant, texts: Sequence[str]) -> Dict[str, List[float]]:
    """Milliseconds of each component and of the whole parse, a value a message, by the class name of the component."""
    spent: Dict[str, List[float]] = {}
    for text in texts[:WARM_UP]:
        assistant.parse(text)
    with _timed(assistant.nodes(), spent):
        for text in texts:
            started = time.perf_counter()
            assistant.parse(text)
            spent.setdefault(WHOLE, []).append((time.perf_counter() - started) * 1000)
    return spent


@contextmanager
def _timed(nodes: Dict[str, Any], spent: Dict[str, List[float]]) -> Iterator[None]:
    """Wraps what each node of Rasa's graph runs on a message; puts it back at the end."""
    components = {name: node for name, node in nodes.items() if name.startswith("run_nlu.")}
    before = {name: node._fn for name, node in components.items()}
    for name, node in components.items():
        node._fn = _wrapped(before[name], spent.setdefault(type(node._component).__name__, []))
    try:
        yield
    finally:
        for name, node in components.items():
            node._fn = before[name]


def _wrapped(function: Callable[..., Any], times: List[float]) -> Callable[..., Any]:
    def run(*arguments: Any, **named: Any) -> Any:
        started = time.perf_counter()
        try:
            return function(*arguments, **named)
        finally:
            times.append((time.perf_counter() - started) * 1000)

    return run
