"""Mean effects of actions, with how sure they are, and drawn together as far as that allows."""

from dataclasses import dataclass

import numpy as np

from retain.predictors.trees import Floats
from training.policies.trial import Trial

# probabilities that hardly vary are the intercept once more
_RCOND = 1e-8


@dataclass(frozen=True, slots=True)
class Means:
    """Mean effects of k actions.

    Attributes:
        values: of each, (k,); NaN where nobody got it, or nobody was held out of it.
        covariance: of their errors, (k, k).
    """

    values: Floats
    covariance: Floats

    def drawn_together(self, said: Floats) -> Floats:
        """The means as far as they are sure, (k,); NaN stays.

        What an action's mean is above ``said`` (k,), what a model expects, is drawn to what all
        of them are above it, by the variance between actions that their errors do not explain
        (empirical Bayes; DerSimonian and Laird 1986, with the errors' covariance). One noisy mean
        then does not put its action above the others.
        """
        known = np.isfinite(self.values)
        found = self.values.copy()
        if known.sum() < 2:
            return found
        above, errors = (self.values - said)[known], self.covariance[np.ix_(known, known)]
        precision = np.linalg.pinv(errors, hermitian=True)
        total = float(precision.sum())
        common = float(precision.sum(axis=0) @ above) / total
        apart = above - common
        excess = float(apart @ precision @ apart) - (len(above) - 1)
        scale = float(np.trace(precision)) - float((precision @ precision).sum()) / total
        between = max(0.0, excess / scale) if scale > 0.0 else 0.0
        kept = between * np.linalg.pinv(errors + between * np.eye(len(above)), hermitian=True)
        found[known] = said[known] + common + kept @ apart
        return found


def measured(trial: Trial) -> Means:
    """Each action's mean effect over customers, as far as chance decided for them.

    Least squares of the outcome on what was done, beside the probabilities of it: a partially
    linear model (Robinson 1988), which weighs a customer by the overlap ``p_a (1 - p_a)`` (of
    two arms: Li, Morgan and Zaslavsky 2018). Where all had the same chances it is the difference
    of plain means. Means weighted by one over the probability instead would rest on a handful of
    rows wherever a policy has all but made up its mind. Errors are White's (1980).
    """
    k = len(trial.actions)
    done = trial.arm[:, np.newaxis] == np.arange(1, k + 1)
    held = (trial.offered & (trial.arm == 0)[:, np.newaxis]).any(axis=0)
    terms = np.column_stack([done, trial.chance[:, 1:], np.ones(len(trial))])
    inverse = np.linalg.pinv(terms.T @ terms, rcond=_RCOND, hermitian=True)
    found = inverse @ (terms.T @ trial.outcome)
    left = terms * (trial.outcome - terms @ found)[:, np.newaxis]
    errors = inverse @ (left.T @ left) @ inverse
    return Means(np.where(done.any(axis=0) & held, found[:k], np.nan), errors[:k, :k])


def mean_effects(trial: Trial) -> Floats:
    """The values of :func:`measured`, (k,)."""
    return measured(trial).values
