"""Which heads of a model are retrieval heads: the paper's two procedures, over questions with known answers.

Source: section 3 of the QRHead paper and its code (`exp_scripts/detection`): each head alone scores every document,
calibrated and without outliers. *mean* (for long contexts): the sum over a question's gold documents, averaged over the
questions. *ndcg* (for re-ranking): nDCG@10 of the ranking by that head, with the documents shuffled by a fixed seed, so
that no head is found for the place that it likes.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Sequence
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from ...errors import BadDetectionData
from .head_lists import HeadList
from .questions import Question
from .scorer import QRHeadScorer

Method = Literal["mean", "ndcg"]
METHODS: tuple[Method, ...] = get_args(Method)
AT = 10
SEED = 42


def detect(
    scorer: QRHeadScorer,
    questions: Sequence[Question],
    method: Method = "mean",
    top: int = 16,
    *,
    model: str = "",
    data: str = "",
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> HeadList:
    """The *top* heads of those that *scorer* reads (make it with heads="all"), with their scores, best first.

    *model*, *data*: what the list says that it was found on. *progress*: told how many questions of how many are done.
    Raises `BadDetectionData` where no question has a gold document.
    """
    if not any(question.gold for question in questions):
        raise BadDetectionData("no question has a gold document; heads cannot be told apart")
    shuffle = random.Random(SEED)
    total = np.zeros(len(scorer.heads))
    for number, question in enumerate(questions):
        progress(number, len(questions))
        order = list(range(len(question.documents)))
        if method == "ndcg":
            shuffle.shuffle(order)
        scores = scorer.score_heads([question.documents[place] for place in order], question.query)
        gold = {now for now, place in enumerate(order) if place in question.gold}
        total += (ndcg if method == "ndcg" else on_gold)(scores, gold)
    progress(len(questions), len(questions))
    means = total / len(questions)
    best = np.argsort(-means, kind="stable")[:top]
    return HeadList(
        model=model,
        heads=tuple(scorer.heads[place] for place in best),
        method=method,
        data=data,
        source="memoryops heads detect",
        scores=tuple(float(means[place]) for place in best),
    )


def on_gold(scores: NDArray[np.float64], gold: Collection[int]) -> NDArray[np.float64]:
    """What each head gives the *gold* documents together, of *scores* (documents × heads)."""
    found: NDArray[np.float64] = scores[sorted(gold)].sum(axis=0)
    return found


def ndcg(scores: NDArray[np.float64], gold: Collection[int], at: int = AT) -> NDArray[np.float64]:
    """nDCG@*at* of each head's ranking by *scores* (documents × heads), gold or not.

    Among equals gold comes last: a head that tells nothing apart earns nothing by their order.
    """
    documents, heads = scores.shape
    if not gold:
        return np.zeros(heads)
    is_gold = np.isin(np.arange(documents), sorted(gold))
    order = np.stack([np.lexsort((is_gold, -scores[:, head])) for head in range(heads)])
    discount = 1 / np.log2(np.arange(2, min(at, documents) + 2))
    gains: NDArray[np.float64] = is_gold[order[:, : len(discount)]] @ discount
    gains /= discount[: len(gold)].sum()
    return gains
