"""``POST /v1/rank``: rank items for a user."""

import asyncio

import msgspec

from liverank.serving.http.endpoints.endpoint import Endpoint, EndpointContext, Reply
from liverank.serving.http.exchange import Answer, Request, in_pieces
from liverank.serving.http.messages import RankRequest, decode_request

_MAX_SHORT, _MAX_SHORT_EXPLAINED = 4_000, 40
"""Most candidates of a ranking in the event loop's thread, without and with explanations."""
_decoder = msgspec.json.Decoder(RankRequest)
_encoder = msgspec.json.Encoder()


def answer(context: EndpointContext, request: Request) -> Reply:
    """Rank now, or a long list in a thread."""
    rank_request = decode_request(request.body, _decoder)
    if _is_long(context, rank_request):
        return _answer_long(context, request, rank_request)
    return Answer(200, _encoder.encode(context.service.rank(rank_request, read_at=request.read_at)))


def _is_long(context: EndpointContext, request: RankRequest) -> bool:
    items = request.items
    count = len(items) if items is not None else context.service.live_count()
    return count > (_MAX_SHORT_EXPLAINED if request.explain else _MAX_SHORT)


async def _answer_long(
    context: EndpointContext, request: Request, rank_request: RankRequest
) -> Answer:
    """Rank a long list in a thread; its kernels release the GIL, so other requests continue."""

    def rank() -> Answer:
        response = context.service.rank(rank_request, read_at=request.read_at)
        whole = msgspec.structs.replace(response, items=in_pieces(response.items))
        return Answer(200, msgspec.json.encode(whole))

    return await asyncio.get_running_loop().run_in_executor(context.long_lists, rank)


RANK = Endpoint("/v1/rank", ("POST",), answer, counted_as="rank")
