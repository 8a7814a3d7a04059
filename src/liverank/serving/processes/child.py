"""What a forked process does first and last: it leaves what is the supervisor's, and ends.

Invariant: nothing of the supervisor's stack runs in a child, whatever happens in it.
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
"""The place of the folding process; those of workers are from 0."""


def run_child(place: int, run: Callable[[], None]) -> NoReturn:
    """Be the process of a place: run, and exit with 0, or with 1 where that failed.

    Of the signals that stop a server, a terminal sends two to all its processes: they are left to
    the supervisor, which stops the others in order.
    """
    status = 1
    try:
        name_process(short_name_of(place))
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        for number in (signal.SIGTERM, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        run()
        status = 0
    except LiverankError:
        pass  # it told the supervisor
    except BaseException:
        write_event("fault", f"{name_of(place)} met a fault of ours and ended", is_fault=True)
    finally:
        logging.shutdown()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def name_of(place: int) -> str:
    """A process as it is told of."""
    return "the folding process" if place == FOLDING else f"worker {place}"


def short_name_of(place: int) -> str:
    """A process as ``/healthz`` and the server's log name it.

    >>> short_name_of(FOLDING), short_name_of(0)
    ('fold', 'worker-0')
    """
    return "fold" if place == FOLDING else f"worker-{place}"


def write_process_event(place: int, event: str, what: str, **fields: Any) -> None:
    """Write into the server's log what became of the process of a place."""
    write_event(event, f"{name_of(place)} {what}", of=short_name_of(place), **fields)


def how_it_ended(status: int) -> str:
    """A status of ``waitpid`` in words.

    >>> how_it_ended(9), how_it_ended(256)
    ('signal 9', 'exit status 1')
    """
    code = os.waitstatus_to_exitcode(status)
    return f"signal {-code}" if code < 0 else f"exit status {code}"


def not_folding(why: str) -> str:
    """What is told while the folding process has ended and no other has folded yet.

    >>> not_folding("signal 9").endswith("until then; why the last ended: signal 9")
    True
    """
    return (
        "the process that folds the log ended and is being replaced; rankings are made from what "
        f"was folded until then; why the last ended: {why}"
    )
