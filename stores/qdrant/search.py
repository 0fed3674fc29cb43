"""Search for passages: each side asks the server for its best, then both scores are completed."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from qdrant_client import models

from ..filters import matches
from ..ports import Candidate, Query
from . import filters
from .gateway import Gateway
from .rows import DENSE, SPARSE, parse

Terms = tuple[list[int], list[float]]


class Search:
    """One *query* in one workspace. *vector*, *terms*: what its text became, None for a side not asked."""

    def __init__(
        self, gateway: Gateway, workspace: str, query: Query, vector: np.ndarray | None, terms: Terms | None, now: float
    ) -> None:
        self._gateway, self._workspace, self._query, self._now = gateway, workspace, query, now
        self._vector = vector
        self._terms = terms if terms is not None and terms[0] else None
        self._floor = 0.0 if terms is not None else None

    def run(self) -> list[Candidate]:
        conditions = filters.conditions(self._query.where)
        dense = self._dense(conditions, self._query.limit)
        sparse = self._sparse(conditions, self._query.limit)
        if missing := list(sparse.keys() - dense.keys()):
            dense |= self._dense([filters.among(missing)], len(missing))
        if missing := list(dense.keys() - sparse.keys()):
            sparse |= self._sparse([filters.among(missing)], len(missing))
        return self._candidates(dense, sparse)

    def _candidates(self, dense: Mapping[str, float], sparse: Mapping[str, float]) -> list[Candidate]:
        ids = list(dict.fromkeys([*dense, *sparse]))
        records = self._gateway.retrieve("memory", ids)
        rows = {id: parse("memory", records[id]) for id in ids if id in records}
        return [
            Candidate(row.point(), dense.get(id), sparse.get(id, self._floor))
            for id, row in rows.items()
            if row.living(self._now) and matches(self._query.where, row.payload)
        ]

    def _dense(self, conditions: list[models.Condition], limit: int) -> dict[str, float]:
        return {} if self._vector is None else self._nearest(self._vector.tolist(), DENSE, conditions, limit, None)

    def _sparse(self, conditions: list[models.Condition], limit: int) -> dict[str, float]:
        """BM25 with the statistics of this workspace: what others write never changes a score."""
        if self._terms is None:
            return {}
        vector = models.SparseVector(indices=self._terms[0], values=self._terms[1])
        corpus = models.IdfCorpusParams(corpus=filters.workspace(self._workspace))
        return self._nearest(vector, SPARSE, conditions, limit, models.SearchParams(idf=corpus))

    def _nearest(
        self,
        vector: list[float] | models.SparseVector,
        using: str,
        conditions: list[models.Condition],
        limit: int,
        params: models.SearchParams | None,
    ) -> dict[str, float]:
        where = filters.living(self._workspace, self._now, *conditions)
        response = self._gateway.call(
            lambda client: client.query_points(
                self._gateway.name("memory"),
                query=vector,
                using=using,
                query_filter=where,
                search_params=params,
                limit=limit,
                with_payload=False,
            )
        )
        return {str(point.id): point.score for point in response.points}
