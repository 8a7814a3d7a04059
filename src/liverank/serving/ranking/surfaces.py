"""Rules of surfaces from the config: number of items, and deadline."""

from liverank.config import Config, Surface
from liverank.quantities import duration_ms
from liverank.serving.http.messages import BadRequestError


class SurfaceRules:
    """The rules of the surfaces that a config declares.

    >>> from liverank.config import Label
    >>> SurfaceRules(Config(label=Label(interaction="join"))).of("anywhere")
    (50, 0.05)
    """

    def __init__(self, config: Config) -> None:
        self._declared = tuple(config.surfaces)
        self._rules = {name: _rules(surface) for name, surface in config.surfaces.items()}
        self._rules.setdefault("default", _rules(Surface()))

    def of(self, surface: str) -> tuple[int, float]:
        """The limit and the deadline in seconds of a surface.

        If the config declares surfaces, a request must name one of them, or the default. Raises
        BadRequestError (422) for another surface.
        """
        rules = self._rules.get(surface)
        if rules is not None:
            return rules
        if self._declared:
            raise BadRequestError(
                422,
                "$.surface",
                f"no surface `{surface}`; expected default, {', '.join(self._declared)}, or "
                "declare it under [surfaces] in liverank.toml and restart the server",
            )
        return self._rules["default"]


def _rules(surface: Surface) -> tuple[int, float]:
    return surface.limit, duration_ms(surface.deadline) / 1000
