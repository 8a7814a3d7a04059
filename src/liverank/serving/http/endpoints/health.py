"""``GET /healthz``, ``/livez`` and ``/readyz``: whether the server is healthy, alive, ready."""

from liverank.serving.http.endpoints.endpoint import READS, Endpoint, EndpointContext, Reply
from liverank.serving.http.exchange import Answer, Request, json_answer


def answer_health(context: EndpointContext, _request: Request) -> Reply:
    """Answer with the health report; 503 if something needs attention."""
    health = context.health.health()
    return json_answer(200 if health.ok else 503, health)


def answer_liveness(_context: EndpointContext, _request: Request) -> Reply:
    """Answer that this worker is alive."""
    return Answer(200, b'{"alive":true}')


def answer_readiness(context: EndpointContext, _request: Request) -> Reply:
    """Answer whether rankings are possible; 503 if not."""
    readiness = context.health.readiness()
    return json_answer(200 if readiness.ready else 503, readiness)


HEALTH = Endpoint("/healthz", READS, answer_health, counted_as="health")
LIVENESS = Endpoint("/livez", READS, answer_liveness, counted_as="health")
READINESS = Endpoint("/readyz", READS, answer_readiness, counted_as="health")
