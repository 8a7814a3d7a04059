"""Runs a forked process: resets what it inherited from the supervisor, and ends it.

Invariant: a child never returns into the supervisor's stack, whatever happens in it.
"""

import logging
import os
import signal
import sys
from collections.abc import Callable
from typing import Any, NoReturn

from liverank.errors import LiverankError
from liverank.serving.server_log.events import write_event
from liverank.serving.server_log.lines import name_process

FOLDING = -1
"""Slot of the folding process; the slots of workers are their indexes, from 0."""


def run_child(slot: int, run: Callable[[], None]) -> NoReturn:
    """Run the process of a slot, and exit with 0, or with 1 if it failed.

    It ignores SIGINT and SIGHUP, which a terminal sends to all processes of a server: the
    supervisor handles them, and stops the others in order.
    """
    status = 1
    try:
        name_process(short_name_of(slot))
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        for number in (signal.SIGTERM, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        run()
        status = 0
    except LiverankError:
        pass  # the supervisor has got the reason
    except BaseException:
        write_event("fault", f"{name_of(slot)} ended because of a bug in liverank", is_fault=True)
    finally:
        logging.shutdown()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def name_of(slot: int) -> str:
    """The name of a process in messages."""
    return "the folding process" if slot == FOLDING else f"worker {slot}"


def short_name_of(slot: int) -> str:
    """The name of a process in ``/healthz`` and the server's log.

    >>> short_name_of(FOLDING), short_name_of(0)
    ('fold', 'worker-0')
    """
    return "fold" if slot == FOLDING else f"worker-{slot}"


def write_process_event(slot: int, event: str, what: str, **fields: Any) -> None:
    """Write an event about the process of a slot to the server's log."""
    write_event(event, f"{name_of(slot)} {what}", of=short_name_of(slot), **fields)


def how_it_ended(status: int) -> str:
    """A status of ``waitpid`` as text.

    >>> how_it_ended(9), how_it_ended(256)
    ('signal 9', 'exit status 1')
    """
    code = os.waitstatus_to_exitcode(status)
    return f"signal {-code}" if code < 0 else f"exit status {code}"


def not_folding(why: str) -> str:
    """The message while the folding process has ended and its replacement is not ready.

    >>> not_folding("signal 9").endswith("until then; why the last ended: signal 9")
    True
    """
    return (
        "the process that folds the log ended and is being replaced; rankings use what was folded "
        f"until then; why the last ended: {why}"
    )
