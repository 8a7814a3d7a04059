"""The file ``bundles/current.json``, which says which bundle of a deployment serves.

Invariant: it is replaced in one step, so a reader finds the old content or the new one.
"""

from pathlib import Path

import msgspec

from liverank.durable import write_durably
from liverank.errors import BundleError

POINTER = "current.json"
"""The file's name, in the folder of the bundles."""


class Pointer(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What serves: the last of the promoted versions, unless it was withdrawn.

    >>> Pointer(("a", "b")).current, Pointer(("a", "b")).previous
    ('b', 'a')
    >>> withdrawn = Pointer(("a", "b"), withdrawn="it did harm")
    >>> withdrawn.current, withdrawn.previous
    (None, 'b')
    """

    promoted: tuple[str, ...] = ()
    """The versions promoted so far, without those that were rolled back."""
    withdrawn: str | None = None
    """Why none of them serves, so that popularity ranks; None if the last one serves."""

    @property
    def current(self) -> str | None:
        """The version that is served, or None."""
        return self.promoted[-1] if self.promoted and self.withdrawn is None else None

    @property
    def previous(self) -> str | None:
        """The version that a rollback serves: the one before, or the withdrawn one."""
        before = self.promoted if self.withdrawn is not None else self.promoted[:-1]
        return before[-1] if before else None


def read_pointer(root: Path, *, repairs: bool = False) -> Pointer:
    """The pointer of the deployment at ``root``; an empty one before the first promotion.

    Where its content is broken, it is empty too if the caller ``repairs`` it. Raises BundleError.
    """
    path = root / "bundles" / POINTER
    try:
        return msgspec.json.decode(path.read_bytes(), type=Pointer)
    except FileNotFoundError:
        return Pointer()
    except OSError as error:
        raise BundleError(
            f"{path}: cannot be opened: {error}; check that this user may read it"
        ) from None
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        if repairs:
            return Pointer()
        raise BundleError(
            f"{path}: cannot be read: {error}; restore it from a copy, or choose one of "
            "`liverank bundles` for `liverank promote`, which writes a new one"
        ) from None


def write_pointer(root: Path, pointer: Pointer) -> None:
    """Replace the pointer. Raises BundleError; what is served then stays as it was."""
    path = root / "bundles" / POINTER
    try:
        write_durably(path, msgspec.json.encode(pointer))
    except OSError as error:
        raise BundleError(
            f"{path}: cannot be written: {error}; what is served stays as it was"
        ) from None
