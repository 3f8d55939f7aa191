"""What server/tracing.py does where a collector is configured. No other module imports OpenTelemetry."""

from __future__ import annotations

import logging
import uuid
from contextlib import contextmanager
from typing import Any, Callable, Dict, Iterator, Mapping, Optional, Sequence

from opentelemetry import context, trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_INSTANCE_ID, SERVICE_NAME, OTELResourceDetector, Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExportResult
from opentelemetry.trace import Span, SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from dystonia.reply import Kind
from server.tracing import KINDS_TOLD

logger = logging.getLogger(__name__)

STOP_SECONDS = 1.0
"""How long the end of a process may wait for the collector: on a reload, callers wait meanwhile."""

# The first two say for each batch what the exporter below says once; the third quotes a header that it can't read, key and all.
for _module in ("exporter.otlp.proto.http.trace_exporter", "sdk.trace.export", "util.re"):
    logging.getLogger(f"opentelemetry.{_module}").setLevel(logging.CRITICAL)


class Spans:
    """Makes spans, and sends them from a thread of its own, so that no turn waits for the collector."""

    def __init__(self, collector: str, service: str, versions: Mapping[str, str]) -> None:
        """Begins.

        Args:
            collector: URL that spans are posted to.
            service: name of this process, unless the environment gives another.
            versions: of the model and the facts.
        """
        told = {f"dystonia.{name}": version for name, version in versions.items()}
        resource = Resource.create({SERVICE_NAME: service, SERVICE_INSTANCE_ID: uuid.uuid4().hex, **told})
        # At its end, the SDK would wait for the collector for as long as that takes.
        provider = TracerProvider(resource=resource.merge(OTELResourceDetector().detect()), shutdown_on_exit=False)
        # With its queue full (2,048 spans), the oldest are dropped.
        self._sender = BatchSpanProcessor(Exporter(endpoint=collector))
        provider.add_span_processor(self._sender)
        self._tracer = provider.get_tracer("dystonia")
        self._form = TraceContextTextMapPropagator()

    def send(self) -> None:
        """Sends what has not been sent yet."""
        self._sender.force_flush(int(1000 * STOP_SECONDS))

    @contextmanager
    def turn(self, channel: str) -> Iterator[Callable[[str], None]]:
        """The trace of a turn."""
        with self._span("turn", SpanKind.SERVER, {"dystonia.channel": channel}) as span:

            def answered(kind: str) -> None:
                if kind in KINDS_TOLD:
                    span.set_attribute("dystonia.kind", kind)
                if kind == Kind.unavailable.value:
                    span.set_status(StatusCode.ERROR)

            yield answered

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """The span of a stage."""
        if trace.get_current_span().get_span_context().is_valid:
            with self._span(name, SpanKind.INTERNAL):
                yield
        else:
            yield

    @contextmanager
    def caller(self, traceparent: str) -> Iterator[None]:
        """The trace of a caller. Of the headers, only this one is read: the others (tracestate, baggage) may hold any words."""
        token = context.attach(self._form.extract({"traceparent": traceparent}))
        try:
            yield
        finally:
            context.detach(token)

    def headers(self) -> Dict[str, str]:
        """What names the present trace to another process."""
        headers: Dict[str, str] = {}
        self._form.inject(headers)
        return headers

    @contextmanager
    def _span(self, name: str, kind: SpanKind, attributes: Optional[Mapping[str, str]] = None) -> Iterator[Span]:
        # What an error says may quote the visitor: its kind is told, and nothing else of it.
        quiet: Dict[str, Any] = {"record_exception": False, "set_status_on_exception": False}
        with self._tracer.start_as_current_span(name, kind=kind, attributes=attributes, **quiet) as span:
            try:
                yield span
            except BaseException as error:
                span.set_attribute("error.type", type(error).__name__)
                span.set_status(StatusCode.ERROR)
                raise


class Exporter(OTLPSpanExporter):
    """Sends spans to the collector. When that begins to fail, and when it works again, one line says so."""

    _fails = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Sends a batch."""
        outcome, why = SpanExportResult.FAILURE, "it refuses them"
        try:
            outcome = super().export(spans)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with the other side
            why = type(error).__name__
        fails = outcome is not SpanExportResult.SUCCESS
        if fails and not self._fails:
            logger.warning("Traces do not reach their collector (%s); all else runs. Mend: see 'make doctor'.", why)
        if self._fails and not fails:
            logger.warning("Traces reach their collector again.")
        self._fails = fails
        return outcome

    def status(self) -> int:
        """What the collector answers to a batch of no spans, as an HTTP status.

        Raises:
            OSError: it does not answer.
        """
        return self._export(b"").status_code
