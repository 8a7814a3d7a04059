"""Whether a user is one that an experiment is for, by their fields as state knows them.

Invariant: a user of whom a field is not known is not in the target.
"""

from collections.abc import Mapping

from liverank.config_experiments import Experiment
from liverank.features.hashing import hash_id
from liverank.features.state.state import State
from liverank.features.state.user_fields import UserFields


class Target:
    """The target of an experiment, in a state."""

    def __init__(self, name: str, experiment: Experiment, state: State) -> None:
        self.trouble: str | None = None
        """Why nobody can be in the target, or None."""
        self._names = list(experiment.target)
        self._wanted = [frozenset(map(hash_id, values)) for values in experiment.target.values()]
        found = {field: state.layout.field("user", field) for field in self._names}
        odd = [
            field
            for field, known in found.items()
            if known is None or known.type not in ("category", "key", "keys")
        ]
        self._fields: UserFields | None = None
        if odd:
            self.trouble = (
                f"experiment {name} has nobody in its target: what ranks does not keep the user "
                f"fields {', '.join(odd)} as a category, key or keys; declare them under "
                "[users.fields], and train a bundle that knows them"
            )
        elif self._names:
            self._fields = UserFields(state, [field for field in found.values() if field])

    def holds(self, user: str) -> bool:
        """Whether the user is in the target; everybody is in one without fields."""
        if not self._names:
            return True
        if self._fields is None:
            return False
        said = self._fields.of(user)
        return not any(map(frozenset.isdisjoint, self._wanted, said))

    def unknown(self, user: str) -> Mapping[str, bool]:
        """For each field of the target, whether nothing is known of it for the user."""
        if self._fields is None:
            return dict.fromkeys(self._names, True)
        return {name: not of for name, of in zip(self._names, self._fields.of(user), strict=True)}
