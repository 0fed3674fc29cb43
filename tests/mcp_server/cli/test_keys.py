"""`memoryops keys`: a key is printed once, alone, and ended by its id."""

from __future__ import annotations

from typing import Any

Cli = Any


def test_a_key_is_made_listed_rotated_and_revoked(cli: Cli) -> None:
    made = cli("keys", "create", "shop", "--role", "human", "--tokens-per-minute", "5")
    assert made.status == 0
    secret = made.out.strip()
    assert secret.startswith("mo_")
    assert "shown only now" in made.err
    id = secret.split("_")[1]
    (listed,) = cli("keys", "list", "--json").json["keys"]
    assert (listed["id"], listed["name"], listed["role"], listed["tokens_per_minute"]) == (id, "shop", "human", 5)
    assert secret not in cli("keys", "list").out
    rotated = cli("keys", "rotate", id, "--json").json
    assert rotated["key"]["name"] == "shop"
    assert "revoked" in cli("keys", "revoke", rotated["key"]["id"]).out
    assert [each["status"] for each in cli("keys", "list", "--json").json["keys"]] == ["revoked", "revoked"]


def test_a_key_that_is_not_there_is_told(cli: Cli) -> None:
    ran = cli("keys", "revoke", "nothing")
    assert ran.status == 1
    assert "there is no key 'nothing'" in ran.err


def test_a_user_of_the_command_line_binds_the_key(cli: Cli) -> None:
    assert cli("keys", "create", "--user", "ann", "--json").json["key"]["user"] == "ann"
