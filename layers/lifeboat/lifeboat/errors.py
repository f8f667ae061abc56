"""Every error that Lifeboat raises on purpose.

    LifeboatError
    ├── TransientError            a state machine retries these, by name
    │   ├── ApiUnavailableError       a Kubernetes API did not answer, or asked us to come back (429, 5xx)
    │   ├── AwsUnavailableError       an AWS service did not answer, throttled us or failed on its side
    │   ├── ConflictError             somebody else changed the object between our read and our write
    │   ├── ExecIncompleteError       output of an exec arrived cut; nothing of it was used
    │   └── EtcdNotReadyError         no member of etcd answers yet
    └── PermanentError            an operator decides
        ├── InvalidInputError         an execution's input is wrong; nothing was changed
        ├── ConfigurationError        a setting of a function is missing or wrong
        ├── PreflightError            the source or the destination is not fit; nothing was changed
        ├── PlanOutdatedError         what would be done is no longer what was planned; nothing was changed
        ├── AlreadyPausedError        somebody else paused the hosted cluster
        ├── LeaseHeldError            another operation works on this hosted cluster
        ├── LeaseLostError            a newer operation took over: this one is a late twin and must stop
        ├── NotStoppedError           pods that must be gone are still there at their deadline
        ├── ResumeFailedError         the source was put back but does not serve as it did
        ├── SnapshotFailedError       etcd did not give a snapshot
        ├── BackupUnprovenError       a backup is missing, incomplete, unsigned or not what was signed
        ├── FenceUnprovenError        the source is not proven to be fenced
        ├── RestoreFailedError        the destination refused or lost something we restored
        ├── VerificationError         what came out is not what went in
        ├── TeardownRefusedError      deleting at the source is not proven to be safe
        ├── AccessDeniedError         AWS refuses one of our functions a call
        ├── UnexpectedError           an error of a library that nobody thought of
        └── ObjectRefusedError        an API refused an object or a call for good (4xx)

Step Functions matches the exact class name, without inheritance: a machine names the leaves, never the branches.
Messages hold one line: what is wrong, then what to do. They never hold a secret's content, a token or a URL.
"""

from collections.abc import Sequence


class LifeboatError(Exception):
    """Base of all errors that Lifeboat raises on purpose.

    `problems`: what the message joins into one line, where it tells several.
    """

    def __init__(self, message: str = "", problems: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.problems = tuple(problems)


class TransientError(LifeboatError):
    """Worth trying again without anybody's help."""


class PermanentError(LifeboatError):
    """Trying again changes nothing: an operator decides."""


class ApiUnavailableError(TransientError):
    """Occurs when a Kubernetes API cannot be reached or answers 429 or 5xx."""


class AwsUnavailableError(TransientError):
    """Occurs when an AWS service cannot be reached, throttles or answers 5xx, after the SDK's own retries."""


class ConflictError(TransientError):
    """Occurs when an object changed between our read and our write (409)."""


class ExecIncompleteError(TransientError):
    """Occurs when length or digest of an exec's output do not match what was sent."""


class EtcdNotReadyError(TransientError):
    """Occurs while no member of an etcd answers."""


class InvalidInputError(PermanentError):
    """Occurs in the first state of a machine when its input is wrong."""


class ConfigurationError(PermanentError):
    """Occurs when a function's environment lacks a setting."""


class PreflightError(PermanentError):
    """Occurs before the first write when a cluster is not fit for the operation."""


class PlanOutdatedError(PermanentError):
    """Occurs before the first write when what would be done is no longer what was planned."""


class AlreadyPausedError(PermanentError):
    """Occurs when the HostedCluster is paused, and not by this operation."""


class LeaseHeldError(PermanentError):
    """Occurs when another running operation holds the hosted cluster's lease."""


class LeaseLostError(PermanentError):
    """Occurs when this operation no longer holds the lease that it started with."""


class NotStoppedError(PermanentError):
    """Occurs when pods that must be gone are still there at their deadline."""


class ResumeFailedError(PermanentError):
    """Occurs when the source was resumed but does not serve as it did before."""


class SnapshotFailedError(PermanentError):
    """Occurs when a snapshot cannot be taken, or is not a whole etcd database."""


class BackupUnprovenError(PermanentError):
    """Occurs when a backup cannot be proven to be whole and ours."""


class FenceUnprovenError(PermanentError):
    """Occurs when the source is not proven to be fenced."""


class RestoreFailedError(PermanentError):
    """Occurs when the destination does not hold what was restored."""


class VerificationError(PermanentError):
    """Occurs when what came out is not what went in."""


class TeardownRefusedError(PermanentError):
    """Occurs when deleting at the source is not proven to be safe."""


class AccessDeniedError(PermanentError):
    """Occurs when the rights of a function's role do not reach for a call to AWS."""


class UnexpectedError(PermanentError):
    """Occurs where nobody thought of an error: its type is told, its message is not (it may quote a secret)."""


class ObjectRefusedError(PermanentError):
    """Occurs when an API refuses a call for good (4xx other than 404, 409, 429)."""
