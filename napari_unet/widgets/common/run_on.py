"""Where first masks are made: on this computer or on a cluster, as it was chosen last on this computer."""

from __future__ import annotations

from qtpy.QtCore import QSettings, Signal
from qtpy.QtWidgets import QComboBox, QDialog, QDialogButtonBox, QInputDialog, QLineEdit, QVBoxLayout, QWidget

from napari_unet.widgets.common.forms import Fields, WrappedLabel

HERE = "This computer"
_OTHER = "Cluster…"
_KEPT = 5  # addresses that are offered
_ABOUT = (
    "A cluster of computers (dask.distributed) can make many first masks at once: the images go there, and "
    "the masks come back. Choose only one that may see the images of your patients. A single mask is always "
    "made on this computer."
)
_ASKS = "Address of the cluster's scheduler, such as tls://gpu1:8786. Ask whoever runs it."


def _settings() -> QSettings:
    return QSettings(QSettings.Format.IniFormat, QSettings.Scope.UserScope, "napari-unet-lung", "run_on")


def chosen_cluster() -> str:
    """The address of the cluster that was chosen; "" for this computer."""
    return str(_settings().value("cluster", "") or "")


def known_clusters() -> list[str]:
    """Addresses that were used here, the last one first."""
    kept = _settings().value("known", []) or []
    return [kept] if isinstance(kept, str) else list(kept)  # one entry comes back as it is


def choose_cluster(address: str) -> None:
    """Remember the choice; "" for this computer."""
    settings = _settings()
    settings.setValue("cluster", address)
    if address:
        others = [one for one in known_clusters() if one != address]
        settings.setValue("known", [address, *others][:_KEPT])


class RunOnBox(QComboBox):
    """This computer, the clusters that are known, and another one, whose address is asked for.

    What is chosen is remembered at once. chosen : the address, "" for this computer.
    """

    chosen = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.setToolTip(_ABOUT)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self._offer()
        self.activated.connect(self._on_activated)

    def address(self) -> str:
        """The cluster that is chosen; "" for this computer."""
        return str(self.currentData() or "")

    def _offer(self) -> None:
        self.clear()
        self.addItem(HERE, "")
        for address in known_clusters():
            self.addItem(address, address)
        self.addItem(_OTHER, None)
        self.setCurrentIndex(max(0, self.findData(chosen_cluster())))

    def _on_activated(self, index: int) -> None:
        address = self.itemData(index)
        if address is None:
            address = self._asked()
        if address is not None:
            choose_cluster(address)
        self._offer()
        self.chosen.emit(self.address())

    def _asked(self) -> str | None:
        """The address that was typed; None if none was."""
        text, ok = QInputDialog.getText(self, "Cluster", _ASKS, QLineEdit.EchoMode.Normal, "tls://")
        address = text.strip()
        return address if ok and address not in ("", "tls://") else None


class RunOnDialog(QDialog):
    """Asks where first masks are made. What is chosen counts at once."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Run first masks on")
        self.setMinimumWidth(420)
        self.box = RunOnBox()
        fields = Fields()
        fields.add("Run on", self.box)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.addLayout(fields)
        column.addWidget(WrappedLabel(_ABOUT))
        column.addWidget(buttons)
