"""A test that may be looked at as often as one likes, and ends as soon as it knows.

Each trial falls one of two ways; what is doubted is that the bad way has at most the probability `null`. The
evidence against that is the likelihood ratio of the trials, averaged over alternatives that are 1.5 to 100
times as likely: a non-negative supermartingale with the expectation 1 while the doubted is true. So by
Ville's inequality it ever reaches 1/alpha with at most the probability alpha, however often one looks and
whenever one stops; no correction for repeated looks is needed.

Wald, "Sequential Tests of Statistical Hypotheses" (1945); Robbins, "Statistical Methods Related to the Law of
the Iterated Logarithm" (1970), for the mixture; Johari, Koomen, Pekelis, Walsh, "Always Valid Inference"
(2022); Ville, "Étude critique de la notion de collectif" (1939).

The trials may be drawn without replacement, as failures are from all requests: the ratio is convex in the
number of hits, so that its expectation is no larger then (Hoeffding 1963, theorem 4).
"""

from __future__ import annotations

import math

ODDS = (1.5, 2.0, 3.0, 5.0, 10.0, 30.0, 100.0)  # of the alternatives, over those of `null`


def evidence(hits: int, trials: int, null: float) -> float:
    """The natural logarithm of the evidence that hits are likelier than `null`, from `hits` of `trials`.

    Not known to be above 0 where `null` is 0 or 1: there is nothing to compare with then.
    """
    if not 0 < null < 1 or hits <= 0:
        return 0.0
    return _mean_of([_ratio(hits, trials, null, _raised(null, odds)) for odds in ODDS])


def needed(alpha: float) -> float:
    """The evidence that proves it, wrongly with at most the probability `alpha` over all looks."""
    return -math.log(alpha)


def share(mine: int, others: int, ratio: float) -> float:
    """The probability with which a failure is one of `mine` requests, when those fail `ratio` times as often
    as the `others`.
    """
    weighed = ratio * mine
    return weighed / (weighed + others) if weighed + others else 0.0


def _raised(null: float, odds: float) -> float:
    return odds * null / (1 - null + odds * null)


def _ratio(hits: int, trials: int, null: float, other: float) -> float:
    return hits * math.log(other / null) + (trials - hits) * math.log((1 - other) / (1 - null))


def _mean_of(logarithms: list[float]) -> float:
    largest = max(logarithms)
    return largest + math.log(sum(math.exp(each - largest) for each in logarithms) / len(logarithms))
