"""The name under which somebody works at this computer, for work that nobody has put a name to."""

from __future__ import annotations

import getpass
from contextlib import suppress


def login_name(otherwise: str) -> str:
    """The operating system's login name. otherwise : where there is none, as in some containers."""
    with suppress(Exception):  # no such name without a password file
        return getpass.getuser() or otherwise
    return otherwise
