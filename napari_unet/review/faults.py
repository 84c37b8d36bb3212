"""What went wrong on the disk or in the database, in words that say what to do."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, IntegrityError, ProgrammingError

from napari_unet.core.errors import UserError


class StoreFault(UserError):
    """The project could not be reached or written to just now: the same may succeed later."""


_FULL = StoreFault(
    "The disk that holds the review project is full.", "Free some space on it, then try again."
)
_READ_ONLY = StoreFault(
    "The review project's folder cannot be written to.", "Ask for the right to write there, then try again."
)
_GONE = StoreFault(
    "The review project's folder no longer exists.",
    "Connect its drive again, or move the folder back to where it was.",
)
_BUSY = StoreFault(
    "Another program is writing to the review project at the moment.", "Wait a moment, then try again."
)
_DAMAGED = StoreFault(
    "The review project's database is damaged.",
    "Close the program, restore a copy of the project, and ask for help before you continue.",
)
_FAILED = StoreFault(
    "The drive of the review project does not respond correctly.",
    "Check that it is connected, then try again.",
)

_BY_ERRNO = {
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT), _FULL),
    **dict.fromkeys((errno.EACCES, errno.EPERM, errno.EROFS), _READ_ONLY),
    **dict.fromkeys((errno.ENOENT, errno.ENOTDIR, errno.ENODEV, errno.ESTALE), _GONE),
}

_BY_WORDS = (
    ("disk is full", _FULL),
    ("readonly", _READ_ONLY),
    ("unable to open", _GONE),
    ("locked", _BUSY),
    ("malformed", _DAMAGED),
    ("not a database", _DAMAGED),
)


def explained(error: OSError | DBAPIError) -> StoreFault:
    """The error as one for people. It names no file: what it says may end in a log."""
    if isinstance(error, OSError):
        return _copy(_BY_ERRNO.get(error.errno or 0, _FAILED))
    words = str(error.orig).lower()
    return _copy(next((fault for part, fault in _BY_WORDS if part in words), _FAILED))


@contextmanager
def faults_explained() -> Iterator[None]:
    """Turns OSError and errors of the database's driver into UserError; also inside a UserError of `io`."""
    try:
        yield
    except UserError as error:
        if isinstance(error.__cause__, OSError):
            raise explained(error.__cause__) from error.__cause__
        raise
    except OSError as error:
        raise explained(error) from error
    except (IntegrityError, ProgrammingError):
        raise  # a bug of ours
    except DBAPIError as error:
        # The driver's own error as the cause: SQLAlchemy's would print the values that were to be written.
        raise explained(error) from error.orig


def gone() -> StoreFault:
    """The project's folder was taken away while it was open."""
    return _copy(_GONE)


def _copy(error: StoreFault) -> StoreFault:
    return StoreFault(error.problem, error.remedy)
