"""Whose points an index holds, and which conditions that spares: to ask each point takes longer than the search."""

from __future__ import annotations

from collections.abc import Iterable

from ..filters import And, Eq, Exists, Filter, In, Not, all_of

SEVERAL = 2
"""So many workspaces, or users, stand for any more: no condition is spared then."""


class Held:
    """The workspaces and the users (None: nobody's) that have points, and perhaps some that had."""

    def __init__(self, workspaces: Iterable[str], users: Iterable[str | None]) -> None:
        self._workspaces, self._users = set(workspaces), set(users)

    def add(self, workspace: str, user: str | None) -> None:
        """A point of *workspace* and *user* is there from now on."""
        if len(self._workspaces) < SEVERAL:
            self._workspaces.add(workspace)
        if len(self._users) < SEVERAL:
            self._users.add(user)

    def only(self, workspace: str) -> bool:
        """Whether every point is of *workspace*."""
        return self._workspaces <= {workspace}

    def needed(self, where: Filter | None) -> Filter | None:
        """What of *where* some point may not meet."""
        return all_of(*(part for part in _parts(where) if not self._met(part)))

    def _met(self, condition: Filter) -> bool:
        """Whether every point meets *condition*."""
        if isinstance(condition, Eq) and condition.field == "user":
            return self._users <= {condition.value}
        return condition == Not(Exists("user")) and self._users <= {None}


def without_items(where: Filter | None) -> tuple[Filter | None, list[str]]:
    """*where* but for the items that it excludes, and those: a point's key is sooner compared than its item."""
    kept: list[Filter] = []
    items: list[str] = []
    for part in _parts(where):
        if isinstance(part, Not) and isinstance(part.filter, In) and part.filter.field == "item":
            items += [value for value in part.filter.values if isinstance(value, str)]
        else:
            kept.append(part)
    return all_of(*kept), items


def _parts(where: Filter | None) -> list[Filter]:
    """The conditions that all have to be met."""
    if isinstance(where, And):
        return [part for each in where.filters for part in _parts(each)]
    return [] if where is None else [where]
