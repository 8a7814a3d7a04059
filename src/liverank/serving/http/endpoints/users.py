"""``DELETE /v1/users/ID``: erase a user."""

from liverank.serving.http.endpoints.endpoint import Endpoint, EndpointContext
from liverank.serving.http.exchange import USERS_PATH, Answer, Request, json_answer


async def answer(context: EndpointContext, request: Request) -> Answer:
    """Erase the user; the id is the rest of the path and may have any characters, also slashes."""
    user = request.path.removeprefix(USERS_PATH)
    return json_answer(200, await context.service.erase_user(user))


USER = Endpoint(USERS_PATH, ("DELETE",), answer, counted_as="users")
