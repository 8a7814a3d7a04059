"""Every error that liverank raises on purpose.

The errors form one tree, so a caller can catch all of them or a single kind:

    LiverankError
    ├── ConfigError      liverank.toml, or a value in it, is wrong
    ├── EventError       an event cannot be decoded or breaks a rule
    ├── SourceError      a file of events cannot be read or mapped
    ├── LogError         the event log cannot be read or written
    │   ├── LogBusyError     another process locks it for too long
    │   ├── LogFullError     the disk is full; nothing of the batch was kept
    │   └── LogCorruptError  a stored part fails its checks
    ├── StateError       feature state is out of memory, or a snapshot does not fit
    │   └── StateBusyError   a batch is being folded for longer than a read can wait
    ├── DatasetError     the log has no rows to train on, or too few
    ├── TrainingError    no model could be trained
    ├── BundleError      a bundle is missing, changed, or does not fit
    ├── ServingError     a request cannot be answered as asked
    ├── ExperimentError  an experiment, or a table of one, cannot be analysed as asked
    ├── NotificationError  an alarm or a letter could not be sent
    ├── LoadTestError    a load test cannot run as asked
    ├── SimulatorError   a world cannot be built or run as asked
    └── ProofError       a proof in a simulated world cannot go on

Invariant: each message is one readable line with the location, the given value, the allowed ones,
and the next step; the command line prints it without a traceback.
"""


class LiverankError(Exception):
    """Base of every error that liverank raises on purpose."""


class ConfigError(LiverankError):
    """liverank.toml, or a value in it, is wrong."""


class EventError(LiverankError):
    """An event cannot be decoded or breaks a rule."""


class SourceError(LiverankError):
    """A file of events cannot be read or mapped."""


class LogError(LiverankError):
    """The event log cannot be read or written."""


class LogBusyError(LogError):
    """Another process locks the log for too long."""


class LogFullError(LogError):
    """The disk is full; nothing of the batch was kept."""


class LogCorruptError(LogError):
    """A stored part of the log fails its checks."""


class StateError(LiverankError):
    """Feature state is out of memory, or a snapshot of it does not fit."""


class StateBusyError(StateError):
    """A batch takes longer to fold than a read can wait, or its process ended during the fold."""


class DatasetError(LiverankError):
    """The log has no rows to train on, or too few."""


class TrainingError(LiverankError):
    """No model could be trained."""


class BundleError(LiverankError):
    """A bundle is missing, changed, or does not fit."""


class ServingError(LiverankError):
    """A request cannot be answered as asked."""


class ExperimentError(LiverankError):
    """An experiment, or a table of one, cannot be analysed as asked."""


class NotificationError(LiverankError):
    """An alarm or a letter could not be sent; the message holds no secret of the channel."""


class LoadTestError(LiverankError):
    """A load test cannot run as asked."""


class SimulatorError(LiverankError):
    """A world cannot be built or run as asked."""


class ProofError(LiverankError):
    """A proof in a simulated world cannot go on, e.g. because a command that it runs failed."""
