"""What a user should know before a fine-tune begins."""

from __future__ import annotations

from collections.abc import Iterator

from napari_unet.core.evidence import LEAST
from napari_unet.core.protocol import protocols_differ
from napari_unet.core.training_pair import FEW
from napari_unet.core.wording import counted, listed
from napari_unet.training.beginning import Beginning
from napari_unet.training.taught import Taught


def cautions(start: Beginning, fresh: tuple[int, ...], taught: Taught, protocol: str) -> Iterator[str]:
    """Sentences, each about one thing. fresh : cases that can test the new model. taught : the parent."""
    card, cases, new = start.parent.card, start.cases, start.card
    replay_set, judges = start.replay_set, start.judges
    count = len(cases.pairs)
    if count < FEW:
        yield (
            f"{count} cases are few: four or more train the model better, and those of {LEAST} or more "
            "patients can show whether it improved."
        )
    if len(new.outputs) > len(card.outputs):
        yield (
            f"The new model will have an additional answer beside those of {card.name}: {new.output.id}, "
            f"which follows your masks. {_that_stay([output.id for output in card.outputs])}."
        )
    elif protocols_differ(protocol, card.output.protocol):
        yield (
            f"The words differ, and count as the same protocol. Yours: “{protocol.strip()}” That of "
            f"{card.name}: “{card.output.protocol}”"
        )
    patients = len({cases.groups[k] for k in fresh})
    if 0 < patients < LEAST:
        yield (
            f"The new model is tested on {counted(patients, 'patient')}. With fewer than {LEAST} patients, "
            "it can be called “perhaps better” at most, for its gain may be due to chance."
        )
    if replay_set is None or judges is None:
        yield f"The model {card.name} has no replay set: what it forgets cannot be measured."
    elif gone := len(replay_set.part("gate")) - len(judges):
        yield (
            f"{gone} of the {len(judges) + gone} reference images of {card.name} are among these cases, or "
            "of their patients: they are used for training and no longer for the test."
        )
    if known := count - len(fresh):
        others = "only the others are held out" if fresh else "none is left"
        first = f" To test on all of them, begin with {card.parent}." if card.parent else ""
        yield (
            f"{known} of {count} cases were used to train {card.name} before: they are used for training "
            f"again, and {others} to test the new model.{first}"
        )
    if unknown := taught.sentence():
        yield unknown


def _that_stay(ids: list[str]) -> str:
    """As in "Its answer lungs stays as it is"."""
    if len(ids) == 1:
        return f"Its answer {ids[0]} stays as it is"
    return f"Its answers {listed(ids)} stay as they are"
