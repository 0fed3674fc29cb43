import pytest

from memoryops.compressors import errors as compressors
from memoryops.encoders import errors as encoders
from memoryops.mcp_server.errors import DOMAIN, TABLE, answer
from memoryops.memory import errors as memory
from memoryops.stores import errors as stores

RAISED = {
    value
    for module in (compressors, encoders, memory, stores)
    for value in vars(module).values()
    if isinstance(value, type) and issubclass(value, Exception)
}


def test_every_error_of_the_rooms_below_has_its_line() -> None:
    assert set(TABLE) == RAISED
    assert all(issubclass(error, DOMAIN) for error in TABLE)


def test_an_answer_has_the_errors_message_and_what_to_do() -> None:
    told = answer(stores.StoreUnavailable("the owner of /data does not answer"))
    assert told.kind == "unavailable"
    assert told.text == (
        "the owner of /data does not answer. Repeat the call; if it fails again, `memoryops doctor` says more."
    )


def test_a_message_that_says_what_to_do_stands_alone() -> None:
    assert answer(memory.NotFound("memory", "x")).text == (
        "there is no memory 'x' in this scope; check the id, or search for it"
    )


def test_a_new_error_is_answered_like_its_nearest_ancestor() -> None:
    class Mislaid(memory.NotFound):
        pass

    assert answer(Mislaid("memory", "x")).kind == "not_found"


@pytest.mark.parametrize("error", [KeyError("secret content"), RuntimeError("secret content")])
def test_a_defect_shows_nothing_of_itself(error: Exception) -> None:
    told = answer(error)
    assert told.kind == "internal"
    assert "secret content" not in told.text


def test_a_long_message_is_cut_and_its_remedy_kept() -> None:
    told = answer(stores.StoreUnavailable("x" * 1_000_000)).text
    assert len(told) < 2200
    assert told.endswith("`memoryops doctor` says more.")
