"""Findings that a network learns and its model does not give."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from napari_unet.core.errors import UserError
from napari_unet.models.card import ModelCard, NetSpec

_HEAD = ("head.", "usual", "spread")  # have a row for each finding


def without_findings(
    card: ModelCard, weights: dict[str, Tensor], withheld: Mapping[str, str]
) -> tuple[ModelCard, dict[str, Tensor]]:
    """The model without some findings: their rows of the network's last convolution go.

    withheld : the finding, and why it is not given, as a sentence for the card's limits. The other scores
    stay as they are. Raises UserError if the network is of a kind without such a head.
    """
    findings, output = card.output.findings, card.output
    if not any(name.startswith(_HEAD) for name in weights):
        raise UserError(
            f"The network {card.net.kind} cannot give fewer findings than it learns.", "Omit `withheld`."
        )
    kept = [k for k, name in enumerate(findings) if name not in withheld]
    output = output.model_copy(
        update={
            "findings": tuple(findings[k] for k in kept),
            "references": tuple(one for one in output.references if one.finding not in withheld),
        }
    )
    net = NetSpec(kind=card.net.kind, arguments=card.net.arguments | {"classes": len(kept)})
    limits = (*withheld.values(), *card.limits)
    fewer = {name: value[kept] if name.startswith(_HEAD) else value for name, value in weights.items()}
    return card.model_copy(update={"outputs": (output,), "net": net, "limits": limits}), fewer
