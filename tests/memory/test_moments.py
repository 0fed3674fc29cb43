"""Times that questions name."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memoryops.memory.moments import named

NOW = datetime(2024, 3, 20, 15, tzinfo=UTC).timestamp()  # a Wednesday


def days(question: str, now: float = NOW) -> list[tuple[str, str]]:
    def day(moment: float) -> str:
        return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d")

    return [(day(span.start), day(span.end)) for span in named(question, now)]


@pytest.mark.parametrize(
    ("question", "found"),
    [
        ("What did Ann do on 8 May 2023?", [("2023-05-08", "2023-05-09")]),
        ("and on the 3rd of June, 2023?", [("2023-06-03", "2023-06-04")]),
        ("Who came on May 8th, 2023?", [("2023-05-08", "2023-05-09")]),
        ("Who came on May 8th?", [("2023-05-08", "2023-05-09")]),
        ("Who came on 1 February?", [("2024-02-01", "2024-02-02")]),
        ("What was decided on 2023-05-08?", [("2023-05-08", "2023-05-09")]),
        ("What happened last May?", [("2023-05-01", "2023-06-01")]),
        ("What happened in March?", [("2024-03-01", "2024-04-01")]),
        ("What is due next May?", [("2024-05-01", "2024-06-01")]),
        ("the trip of December 2023", [("2023-12-01", "2024-01-01")]),
        ("What did they learn in 2022?", [("2022-01-01", "2023-01-01")]),
        ("two weeks after 3 June 2023", [("2023-06-17", "2023-06-18")]),
        ("a month before 3 June 2023", [("2023-05-04", "2023-05-05")]),
        ("What did I say yesterday?", [("2024-03-19", "2024-03-20")]),
        ("and today?", [("2024-03-20", "2024-03-21")]),
        ("What broke last week?", [("2024-03-11", "2024-03-18")]),
        ("What broke last month?", [("2024-02-01", "2024-03-01")]),
        ("What broke last Friday?", [("2024-03-15", "2024-03-16")]),
        ("Where were we three days ago?", [("2024-03-17", "2024-03-18")]),
        ("from 1 May 2023 until June 2023", [("2023-05-01", "2023-05-02"), ("2023-06-01", "2023-07-01")]),
    ],
)
def test_a_time_is_understood(question: str, found: list[tuple[str, str]]) -> None:
    assert days(question) == found


@pytest.mark.parametrize(
    "question",
    [
        "What may she do?",
        "the marching band",
        "on 31 February",
        "32 May",
        "0000-00-00",
        "9999-12-31",
        "port 2022",
        "an august person",
        "",
        "最後の五月",
    ],
)
def test_what_names_no_time_names_none(question: str) -> None:
    assert days(question) == []


def test_a_distance_is_signed_days_outside() -> None:
    (span,) = named("on 8 May 2023", NOW)
    assert span.distance(span.start + 100) == 0
    assert span.distance(span.start - 2 * 86400) == -2
    assert span.distance(span.end + 3 * 86400) == 3


@given(st.text(max_size=200), st.integers(0, 4_000_000_000))
def test_no_text_breaks_it(text: str, now: int) -> None:
    for span in named(text, now):
        assert span.start < span.end


@given(
    st.sampled_from(["{} days ago", "{} years after 3 May 2023", "{} May", "May {}", "in 20{}", "{}-02-29", "last {}"]),
    st.integers(0, 9999),
)
def test_no_number_breaks_it(shape: str, number: int) -> None:
    for span in named(shape.format(number), NOW):
        assert span.start < span.end
