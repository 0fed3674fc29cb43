"""Keys: shown once, stored as a hash, bound to a scope, ended at once."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memoryops.memory import key_text
from memoryops.memory.errors import Forbidden, InvalidInput, NotFound, Settled
from memoryops.memory.keys import Key, Uses, any_key, known_key
from memoryops.memory.scope import KEYS_WORKSPACE, Scope
from memoryops.memory.service import MemoryOps
from memoryops.memory.settings import Settings

from .conftest import Clock, Make

NOW = 1_800_000_000.0


@pytest.fixture
def admin(make: Make) -> MemoryOps:
    return make(role="admin")


def found(ops: MemoryOps, shown: str) -> Key | None:
    return known_key(ops.store, shown, ops.items.clock())


def test_a_key_opens_what_it_was_made_for(admin: MemoryOps, workspace: str) -> None:
    made = admin.keys.create("shop", user="ann", agent="bot", tokens_per_minute=10)
    assert re.fullmatch(r"mo_[A-Za-z0-9]{12}_[A-Za-z0-9]{43}", made.secret)
    assert made.secret.startswith(f"{made.key.prefix}_")
    assert found(admin, made.secret) == made.key
    assert made.key.scope == Scope(workspace, "ann", "bot", None, "agent")
    assert made.key.tokens_per_minute == 10


def test_what_is_stored_is_of_no_use(admin: MemoryOps) -> None:
    made = admin.keys.create()
    (point,) = admin.store.get(KEYS_WORKSPACE, "records", [f"key:{made.key.id}"])
    assert point is not None
    kept = repr(point)
    assert made.secret not in kept
    assert made.secret.rpartition("_")[2] not in kept
    assert found(admin, point.payload["digest"]) is None
    assert found(admin, f"{made.key.prefix}_{point.payload['digest'][:43]}") is None


def test_another_secret_with_the_same_id_opens_nothing(admin: MemoryOps) -> None:
    made = admin.keys.create()
    assert found(admin, f"{made.key.prefix}_{'x' * 43}") is None
    assert found(admin, made.secret + "x") is None
    assert found(admin, made.secret.swapcase()) is None


@pytest.mark.parametrize("shown", ["", "mo_", "sk-abc", "mo_\0", "mo_" + "é" * 56, "x" * 10_000, "\ud800"])
def test_what_is_no_key_is_not_looked_for(shown: str, admin: MemoryOps) -> None:
    assert found(admin, shown) is None


def test_a_revoked_key_is_refused_at_once_and_stays_listed(admin: MemoryOps) -> None:
    made = admin.keys.create("old")
    assert admin.keys.revoke(made.key.id).status == "revoked"
    assert found(admin, made.secret) is None
    (listed,) = admin.keys.list().keys
    assert (listed.status, listed.name) == ("revoked", "old")
    assert listed.revoked_at is not None
    assert admin.keys.revoke(made.key.id) == listed
    with pytest.raises(Settled):
        admin.keys.rotate(made.key.id)


def test_a_rotated_key_hands_on_what_it_was_bound_to(admin: MemoryOps) -> None:
    old = admin.keys.create("shop", role="human", user="ann", requests_per_minute=5)
    new = admin.keys.rotate(old.key.id)
    assert found(admin, old.secret) is None
    assert found(admin, new.secret) == new.key
    assert (new.key.name, new.key.scope, new.key.requests_per_minute) == ("shop", old.key.scope, 5)


def test_a_rotated_key_may_work_on_for_a_while(timed: MemoryOps, clock: Clock) -> None:
    admin = timed.with_scope(Scope(timed.scope.workspace, role="admin"))
    old = admin.keys.create()
    admin.keys.rotate(old.key.id, grace=60)
    clock.goes_on(59)
    assert found(admin, old.secret) is not None
    clock.goes_on(1)
    assert found(admin, old.secret) is None


def test_a_key_expires_and_says_so(timed: MemoryOps, clock: Clock) -> None:
    admin = timed.with_scope(Scope(timed.scope.workspace, role="admin"))
    made = admin.keys.create(expires_at=clock.now + 100)
    assert any_key(admin.store, clock.now)
    clock.goes_on(100)
    assert found(admin, made.secret) is None
    assert not any_key(admin.store, clock.now)
    assert [key.status for key in admin.keys.list().keys] == ["expired"]
    with pytest.raises(InvalidInput, match="which is over"):
        admin.keys.create(expires_at=clock.now)


@pytest.mark.parametrize("role", ["agent", "human"])
def test_only_an_admin_sees_or_changes_keys(make: Make, admin: MemoryOps, role: str) -> None:
    keys = make(role=role).keys
    made = admin.keys.create()
    for call in (keys.create, keys.list, lambda: keys.rotate(made.key.id), lambda: keys.revoke(made.key.id)):
        with pytest.raises(Forbidden, match="only an admin"):
            call()


def test_an_admin_reaches_the_keys_of_one_workspace_and_user(make: Make, admin: MemoryOps) -> None:
    made = admin.keys.create(user="ann")
    other = admin.with_scope(Scope("elsewhere", role="admin")).keys
    assert made.key.id not in [key.id for key in other.list().keys]
    for keys in (other, make(role="admin", user="bob").keys):
        with pytest.raises(NotFound):
            keys.revoke(made.key.id)
    assert make(role="admin", user="bob").keys.create().key.user == "bob"
    with pytest.raises(Forbidden):
        make(role="admin", user="bob").keys.create(user="ann")


def test_no_scope_reaches_the_keys_themselves() -> None:
    with pytest.raises(InvalidInput, match="memoryops:"):
        Scope(KEYS_WORKSPACE)


def test_the_last_use_is_noted_once_a_minute(timed: MemoryOps, clock: Clock) -> None:
    admin = timed.with_scope(Scope(timed.scope.workspace, role="admin"))
    made, uses = admin.keys.create(), Uses(clock)
    assert admin.keys.list().keys[0].last_used_at is None
    before = admin.store.info().last_seq
    uses.note(admin.store, made.key.id)
    uses.note(admin.store, made.key.id)
    assert admin.store.info().last_seq == before + 1
    assert admin.keys.list().keys[0].last_used_at is not None
    clock.goes_on(61)
    uses.note(admin.store, made.key.id)
    assert admin.store.info().last_seq == before + 2


@pytest.mark.parametrize(
    "fields",
    [{"role": "root"}, {"user": ""}, {"name": "a\nb"}, {"expires_at": "soon"}, {"tokens_per_day": 0},
     {"requests_per_minute": -1}, {"tokens_per_minute": True}],
)  # fmt: skip
def test_a_wrong_argument_makes_no_key(admin: MemoryOps, fields: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        admin.keys.create(**fields)
    assert admin.keys.list().keys == []


@given(st.text(max_size=80))
def test_nothing_but_a_key_has_an_id(text: str) -> None:
    assert key_text.id_of(text) is None or text.startswith("mo_")
    assert key_text.fits(text, key_text.digest(text))


def test_keys_of_the_environment_are_hashed_when_they_are_read() -> None:
    settings = Settings.from_env({"MEMORYOPS_API_KEYS": "my-key, admin=boss,human=a=b"})
    assert [(key.role, key_text.fits(text, key.digest)) for key, text in zip(
        settings.api_keys, ("my-key", "boss", "a=b"), strict=True)] == [
        ("agent", True), ("admin", True), ("human", True)]  # fmt: skip
    assert "my-key" not in repr(settings)
    assert not any("my-key" in repr(getattr(settings, name)) for name in settings.__slots__)


def test_the_names_of_old_give_keys_too() -> None:
    for name in ("API_KEYS", "MEMORY_API_KEYS"):
        assert len(Settings.from_env({name: "a,b"}).api_keys) == 2


@pytest.mark.parametrize("text", ["a b", "schlüssel", "x" * 1001, "admin="])
def test_a_wrong_key_in_the_environment_is_not_quoted(text: str) -> None:
    with pytest.raises(InvalidInput, match="key 2 of MEMORYOPS_API_KEYS is no key") as caught:
        Settings.from_env({"MEMORYOPS_API_KEYS": f"good,{text}"})
    assert text not in str(caught.value).replace("admin=KEY", "")
