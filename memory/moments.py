"""Times as people write them, and those that a question names. Pure.

"on 8 May", "last May", "two weeks after 3 June 2024", "yesterday". English only; what is not understood names no time,
and the search goes on without it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

MONTHS = "january february march april may june july august september october november december".split()
WEEKDAYS = "monday tuesday wednesday thursday friday saturday sunday".split()
NUMBERS = "zero one two three four five six seven eight nine ten eleven twelve".split()
UNITS = {"day": 1, "week": 7, "month": 30, "year": 365}
DAY = 86400.0

_MONTH = "(?P<month>" + "|".join(f"{name}|{name[:3]}" for name in MONTHS) + r"|sept)\b\.?"
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?\b"
_YEAR = r"(?P<year>(?:19|20)\d\d)\b"
_COUNT = r"(?P<count>\d{1,3}|an?|" + "|".join(NUMBERS[1:]) + r"|a couple of|a few)"
_UNIT = r"(?P<unit>day|week|month|year)s?"
_BEFORE_MONTH = r"(?:in|of|last|this|next|during|since|until|till|before|after|early|late|mid|by|for|from|around)"

_PATTERNS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (kind, re.compile(pattern, re.IGNORECASE))
    for kind, pattern in (
        ("date", r"\b(?P<year>\d{4})-(?P<number>\d\d)-(?P<day>\d\d)\b"),
        ("date", rf"\b{_DAY}(?: of)? {_MONTH},?(?: {_YEAR})?"),
        ("date", rf"\b{_MONTH} {_DAY},?(?: {_YEAR})?"),
        ("month", rf"\b{_MONTH},?(?: of)? {_YEAR}"),
        ("month", rf"\b(?P<which>{_BEFORE_MONTH})[ -]{_MONTH}"),
        ("year", rf"\b(?:in|of|during|since|year|before|after|spring|summer|autumn|fall|winter) {_YEAR}"),
        ("ago", rf"\b{_COUNT} {_UNIT} ago\b"),
        ("past", r"\b(?P<which>last|this) (?P<unit>week|month|year)\b"),
        ("weekday", r"\b(?:last|on|this) (?P<weekday>" + "|".join(WEEKDAYS) + r")\b"),
        ("day", r"\b(?P<which>today|yesterday|last night|this morning|tonight)\b"),
    )
)
_SHIFT = re.compile(rf"\b{_COUNT} {_UNIT} (?P<way>after|before|later than|earlier than) $", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Span:
    """From *start* until *end*, in seconds since the epoch (UTC)."""

    start: float
    end: float

    def distance(self, moment: float) -> float:
        """How many days *moment* lies outside of this span; 0 inside, negative before it."""
        if moment < self.start:
            return (moment - self.start) / DAY
        return max(moment - self.end, 0.0) / DAY


def in_words(moment: float) -> str:
    """The day of *moment* (seconds since the epoch, UTC) as people write it: 8 May 2023."""
    day = datetime.fromtimestamp(moment, UTC)
    return f"{day.day} {MONTHS[day.month - 1].capitalize()} {day.year}"


def named(question: str, now: float) -> list[Span]:
    """The times that *question* names, in order; relative ones are counted from *now* (seconds since the epoch)."""
    taken: list[tuple[int, int]] = []
    found: list[tuple[int, Span]] = []
    today = datetime.fromtimestamp(now, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    for kind, pattern in _PATTERNS:
        for match in pattern.finditer(question):
            if any(start < match.end() and match.start() < end for start, end in taken):
                continue
            spans = list(_spans(kind, match, today))
            if not spans:
                continue
            taken.append(match.span())
            found += [(match.start(), _shifted(span, question[: match.start()])) for span in spans]
    return [span for _, span in sorted(found, key=lambda each: each[0])]


def _spans(kind: str, match: re.Match[str], today: datetime) -> Iterator[Span]:
    parts = match.groupdict()
    if kind == "date":
        month = int(parts["number"]) if parts.get("number") else _month(parts["month"])
        yield from _date(parts.get("year"), month, int(parts["day"]), today)
    elif kind == "month":
        month = _month(parts["month"])
        year = int(parts["year"]) if parts.get("year") else _latest(month, today, parts.get("which") or "")
        begin = datetime(year, month, 1, tzinfo=UTC)
        yield _between(begin, datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC))
    elif kind == "year":
        year = int(parts["year"])
        yield _between(datetime(year, 1, 1, tzinfo=UTC), datetime(year + 1, 1, 1, tzinfo=UTC))
    elif kind == "ago":
        days = _count(parts["count"]) * UNITS[parts["unit"].lower()]
        width = max(UNITS[parts["unit"].lower()], 1)
        begin = today - timedelta(days=days + width // 2)
        yield _between(begin, begin + timedelta(days=width))
    elif kind == "past":
        yield _past(parts["which"].lower(), parts["unit"].lower(), today)
    elif kind == "weekday":
        back = (today.weekday() - WEEKDAYS.index(parts["weekday"].lower())) % 7 or 7
        begin = today - timedelta(days=back)
        yield _between(begin, begin + timedelta(days=1))
    elif kind == "day":
        begin = today - timedelta(days=parts["which"].lower() in ("yesterday", "last night"))
        yield _between(begin, begin + timedelta(days=1))


def _date(year: str | None, month: int, day: int, today: datetime) -> Iterator[Span]:
    """The day, of the latest year in which it has come if none is given; nothing for a day that no month has."""
    try:
        begin = datetime(int(year) if year else today.year, month, day, tzinfo=UTC)
        if not year and begin > today:
            begin = begin.replace(year=today.year - 1)
        span = _between(begin, begin + timedelta(days=1))
    except (ValueError, OverflowError):
        return
    yield span


def _past(which: str, unit: str, today: datetime) -> Span:
    if unit == "week":
        begin = today - timedelta(days=today.weekday() + (7 if which == "last" else 0))
        return _between(begin, begin + timedelta(days=7))
    if unit == "month":
        end = today.replace(day=1)
        begin = (end - timedelta(days=1)).replace(day=1)
        return _between(begin, end) if which == "last" else _between(end, today + timedelta(days=1))
    year = today.year - (which == "last")
    return _between(datetime(year, 1, 1, tzinfo=UTC), datetime(year + 1, 1, 1, tzinfo=UTC))


def _shifted(span: Span, head: str) -> Span:
    """*span* moved by what stands in front of it: "two weeks after"."""
    match = _SHIFT.search(head)
    if match is None:
        return span
    days = _count(match["count"]) * UNITS[match["unit"].lower()]
    way = 1 if match["way"].lower() in ("after", "later than") else -1
    return Span(span.start + way * days * DAY, span.end + way * days * DAY)


def _latest(month: int, today: datetime, which: str) -> int:
    """The year of the latest such month that has begun, or of the coming one if "next" is asked for."""
    if which.lower() == "next":
        return today.year if month > today.month else today.year + 1
    return today.year if month <= today.month else today.year - 1


def _month(name: str) -> int:
    return next(number for number, each in enumerate(MONTHS, 1) if each.startswith(name.lower()[:3]))


def _count(word: str) -> int:
    lower = word.lower()
    if lower.isdigit():
        return int(lower)
    return {"a": 1, "an": 1, "a couple of": 2, "a few": 3}.get(lower) or NUMBERS.index(lower)


def _between(begin: datetime, end: datetime) -> Span:
    return Span(begin.timestamp(), end.timestamp())
