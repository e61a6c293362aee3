"""What a server tells of itself to Prometheus."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

LATENCIES = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12)
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """Counters, gauges and histograms of one server."""

    def __init__(self) -> None:
        registry = self.registry = CollectorRegistry()
        self.streams = Gauge("tympan_streams", "Sockets that are open.", registry=registry)
        self.jobs = Gauge("tympan_jobs", "Uploads that are transcribed or wait for it.", registry=registry)
        self.refused = Counter("tympan_refused", "Requests and sockets that were refused, by reason.", ["reason"], registry=registry)
        self.opened = Counter("tympan_streams_opened", "Sockets that were opened, by protocol.", ["protocol"], registry=registry)
        self.finals = Counter("tympan_finals", "Finals that were sent, by reason.", ["reason"], registry=registry)
        self.audio = Counter("tympan_audio_seconds", "Audio that was heard, by door.", ["door"], registry=registry)
        self.busy = Counter(
            "tympan_busy_seconds", "Time in network and search of streams; over audio it is the real-time factor.", registry=registry
        )
        self.queue = Gauge("tympan_queue_seconds", "Audio of all sockets that waits to be heard.", registry=registry)
        self.batch = Histogram(
            "tympan_batch_streams", "Streams in one run of the network.", buckets=(1, 2, 4, 8, 16, 32, 64), registry=registry
        )
        self.chunk = Histogram(
            "tympan_chunk_seconds", "From the packet that completes a chunk to what is made of it.", buckets=LATENCIES, registry=registry
        )
        self.finalisation = Histogram(
            "tympan_finalisation_seconds", "From a client's flush or finish to the final.", buckets=LATENCIES, registry=registry
        )
        self.request = Histogram(
            "tympan_request_seconds", "Uploads, from request to answer.", ["door"], buckets=(*LATENCIES, 30, 120), registry=registry
        )

    def text(self) -> bytes:
        """In Prometheus' text format."""
        return generate_latest(self.registry)
