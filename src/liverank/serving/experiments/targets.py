"""Targets of experiments: select the users of an experiment by their fields in state.

Invariant: a user with an unknown field of the target is not in the target.
"""

from collections.abc import Mapping

from liverank.config_experiments import Experiment
from liverank.features.hashing import hash_id
from liverank.features.state.state import State
from liverank.features.state.user_fields import UserFields


class Target:
    """The target of an experiment, evaluated on a state."""

    def __init__(self, name: str, experiment: Experiment, state: State) -> None:
        self.trouble: str | None = None
        """The reason why the target cannot match any user, or None."""
        self._names = list(experiment.target)
        self._wanted = [frozenset(map(hash_id, values)) for values in experiment.target.values()]
        known_fields = {field: state.layout.field("user", field) for field in self._names}
        unusable = [
            field
            for field, known in known_fields.items()
            if known is None or known.type not in ("category", "key", "keys")
        ]
        self._fields: UserFields | None = None
        if unusable:
            self.trouble = (
                f"experiment {name} has nobody in its target: the state of the served bundle does "
                f"not hold the user fields {', '.join(unusable)} as a category, key or keys; "
                "declare them under [users.fields], and train a new bundle"
            )
        elif self._names:
            self._fields = UserFields(state, [field for field in known_fields.values() if field])

    def holds(self, user: str) -> bool:
        """Whether the user is in the target; a target without fields matches everybody."""
        if not self._names:
            return True
        if self._fields is None:
            return False
        values = self._fields.of(user)
        return not any(map(frozenset.isdisjoint, self._wanted, values))

    def unknown(self, user: str) -> Mapping[str, bool]:
        """For each field of the target, whether the user's value is unknown."""
        if self._fields is None:
            return dict.fromkeys(self._names, True)
        return {name: not of for name, of in zip(self._names, self._fields.of(user), strict=True)}
