"""Rows that choices are made on: which model, how many rounds, whose share."""

from training.dataset import Dataset, Mask


def rows(data: Dataset) -> tuple[Mask, Mask]:
    """Those to fit on while choices are made, and later ones to make them on.

    Where label windows overlap, the later ones are of other customers: the days that both
    windows share could be learned by heart, and who learns most by heart would be chosen.
    """
    fit, validation = data.at(data.plan.fit), data.at(data.plan.validation)
    if data.plan.apart:
        return fit, validation
    half = data.half()
    return fit & half, validation & ~half
