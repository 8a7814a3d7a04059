"""POST of a body to a webhook. Its URL is a secret: errors name the host only.

A redirect is an error and is not followed, so that a message goes only where it was meant to go.
"""

import http.client
import re
import ssl
from urllib.parse import SplitResult, urlsplit

from liverank.autopilot.alarms.channels.channel import TIMEOUT_S
from liverank.errors import NotificationError

_SHOWN = re.compile(r"[a-z_ ]{1,60}")
"""Bodies of refusals that are shown, such as Slack's ``invalid_blocks``; none can hold a secret."""


def host_of(url: str) -> str:
    """The host of a webhook's URL, which is all of it that may be shown.

    >>> host_of("https://ann:pw@hooks.example.com:8443/services/T0/SECRET")
    'hooks.example.com:8443'
    """
    _, _, host = urlsplit(url).netloc.rpartition("@")
    return host or "no host"


def post_json(url: str, body: bytes, *, timeout_s: float = TIMEOUT_S) -> None:
    """POST JSON; return if the answer is 2xx. Raises NotificationError."""
    parts = urlsplit(url)
    host = host_of(url)
    try:
        connection = _connection(parts, timeout_s)
        try:
            target = parts._replace(scheme="", netloc="", fragment="").geturl() or "/"
            headers = {"Content-Type": "application/json", "User-Agent": "liverank"}
            connection.request("POST", target, body=body, headers=headers)
            response = connection.getresponse()
            status, text = response.status, response.read(200).decode("ascii", "replace").strip()
        finally:
            connection.close()
    except TimeoutError:
        raise NotificationError(f"{host} did not answer within {timeout_s:g} s") from None
    except ssl.SSLError as error:
        raise NotificationError(f"{host}: the TLS connection failed: {error.reason}") from None
    except (OSError, ValueError, http.client.HTTPException) as error:
        why = error.strerror if isinstance(error, OSError) else None
        raise NotificationError(f"{host}: {why or type(error).__name__}") from None
    if 200 <= status < 300:
        return
    if 300 <= status < 400:
        raise NotificationError(f"{host} answered {status}, a redirect; configure its final URL")
    detail = f" ({text})" if _SHOWN.fullmatch(text) else ""
    raise NotificationError(f"{host} answered {status}{detail}")


def _connection(parts: SplitResult, timeout_s: float) -> http.client.HTTPConnection:
    host = parts.hostname or ""
    if parts.scheme == "https":
        context = ssl.create_default_context()
        return http.client.HTTPSConnection(host, parts.port, timeout=timeout_s, context=context)
    return http.client.HTTPConnection(host, parts.port, timeout=timeout_s)
