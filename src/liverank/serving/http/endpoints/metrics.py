"""``GET /metrics``: counters and gauges in Prometheus's text format."""

from liverank.serving.http.endpoints.endpoint import READS, Endpoint, EndpointContext, Reply
from liverank.serving.http.exchange import Answer, Request
from liverank.serving.metrics import CONTENT_TYPE, exposition


def answer(context: EndpointContext, _request: Request) -> Reply:
    """The metrics of all processes of the server."""
    return Answer(200, exposition(context.service, context.health), CONTENT_TYPE)


METRICS = Endpoint("/metrics", READS, answer, counted_as="health")
