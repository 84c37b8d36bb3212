"""What the docks read of cases: earlier masks, whose image it is, a small picture."""

from __future__ import annotations

from collections.abc import Callable

from napari_unet.widgets.casework.case_list import CaseList
from napari_unet.widgets.casework.connection import ProjectConnection
from napari_unet.widgets.casework.pictures import thumbnail_of
from napari_unet.widgets.common.jobs import Job


class CaseReader:
    """Reads in threads. open_case : the id of the open case, "" while there is none."""

    def __init__(
        self, connection: ProjectConnection, case_list: CaseList, open_case: Callable[[], str]
    ) -> None:
        self._connection = connection
        self._case_list = case_list
        self._open_case = open_case

    def revisions(self) -> Job:
        """The masks of the open case: a list of Revision, the first one first."""
        id = self._open_case()
        return self._connection.read(lambda project: project.revisions(id) if id else [])

    def identity(self) -> Job:
        """Who the open image is of (an io.identity.Identity), read from its file now and not stored."""
        from napari_unet.io.identity import Identity, read_identity

        id = self._open_case()
        return self._connection.read(lambda project: read_identity(project.source(id)) if id else Identity())

    def thumbnail(self, id: str) -> Job | None:
        """A small picture of a case with its mask: uint8 (rows, columns, 3). Failures are not reported."""
        case = self._case_list.cases.get(id)
        if self._connection.project is None or case is None:
            return None
        return self._connection.read(lambda project: thumbnail_of(project, id, case.revision), quiet=True)
