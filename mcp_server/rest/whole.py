"""The memory as a whole, over REST: its state, tiers, export and import, keys and users."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from ...memory.archive import ArchivePage
from ...memory.hygiene import Hygiened
from ...memory.keys import Key, KeyPage, NewKey
from ...memory.state import State
from ...memory.transfer import ExportPage, Imported
from ...memory.users import NewUser, UserPage
from .operation import Body, Call, Name, Operation, Paging, Query, Within


class ArchiveQuery(Within, Paging):
    pass


class ExportQuery(Within, Query):
    limit: Annotated[int, Field(ge=1, le=1000)] = 100
    max_tokens: Annotated[int, Field(ge=100, le=10_000_000)] = 100_000
    cursor: str | None = None


class ImportBody(Within, Body):
    """The records of an export, its header first."""

    records: Annotated[list[dict[str, Any]], Field(min_length=1)]
    overwrite: bool = False


class HygieneBody(Body):
    dry_run: Annotated[bool, Field(description="only say what would be done")] = True
    limit: Annotated[int, Field(ge=1, le=100_000)] = 1000


PerMinute = Annotated[int | None, Field(ge=1, le=10**12, description="its own limit; the server's unless given")]


class NewKeyBody(Within, Body):
    name: Annotated[str, Field(max_length=200)] = ""
    role: Literal["agent", "human", "admin"] = "agent"
    agent: Name | None = None
    expires_at: Annotated[str | None, Field(description="ISO 8601; never unless given")] = None
    requests_per_minute: PerMinute = None
    tokens_per_minute: PerMinute = None
    tokens_per_day: PerMinute = None


class RotateBody(Body):
    grace: Annotated[float, Field(ge=0, le=30 * 86400, description="seconds that the old one still works")] = 0.0


class NewUserBody(Body):
    id: Name | None = None
    metadata: dict[str, Any] = {}


def state(call: Call) -> State:
    return call.ops.state()


def archived(call: Call) -> ArchivePage:
    return call.ops.archived(limit=call.query.limit, cursor=call.query.cursor)


def export(call: Call) -> ExportPage:
    query = call.query
    return call.ops.export_page(limit=query.limit, max_tokens=query.max_tokens, cursor=query.cursor)


def import_(call: Call) -> Imported:
    """By a file, as `memoryops import` does it: all is checked before anything is stored. It takes answers of persons
    as they stand there and screens nothing, so an agent may not."""
    call.ops.scope.require_person("import records")
    with tempfile.TemporaryDirectory(prefix="memoryops-import-") as folder:
        path = Path(folder) / "records.jsonl"
        with path.open("w", encoding="utf-8", newline="\n") as file:
            for record in call.body.records:
                file.write(json.dumps(record) + "\n")
        return call.ops.import_(path, overwrite=call.body.overwrite)


def hygiene(call: Call) -> Hygiened:
    if not call.body.dry_run:
        call.ops.scope.require_person("compress and archive what is in the memory")
    return call.ops.hygiene(dry_run=call.body.dry_run, limit=call.body.limit)


def create_key(call: Call) -> NewKey:
    return call.ops.keys.create(**call.body.model_dump(exclude={"workspace", "user"}))


def list_keys(call: Call) -> KeyPage:
    return call.ops.keys.list(limit=call.query.limit, cursor=call.query.cursor)


def rotate_key(call: Call) -> NewKey:
    return call.ops.keys.rotate(call.path["id"], grace=call.body.grace)


def revoke_key(call: Call) -> Key:
    return call.ops.keys.revoke(call.path["id"])


def create_user(call: Call) -> NewUser:
    return call.ops.users.create(call.body.id, metadata=call.body.metadata)


def list_users(call: Call) -> UserPage:
    return call.ops.users.list(limit=call.query.limit, cursor=call.query.cursor)


OPERATIONS = (
    Operation(
        "memory_state", "GET", "/v1/state", state, "Counts, tokens and utilisation", State, ("state",), query=Within,
        aliases=("/memory-manager/state",),
    ),
    Operation(
        "archive_list", "GET", "/v1/archive", archived, "What is archived, the newest first", ArchivePage,
        ("archived",), query=ArchiveQuery,
    ),
    Operation(
        "hygiene", "POST", "/v1/hygiene", hygiene,
        "Compress what nobody has touched for a week, archive it after a month; a person's key, unless dry_run",
        Hygiened, ("hygiene",), body=HygieneBody, slow=True, example={"dry_run": True},
    ),
    Operation(
        "memory_export", "GET", "/v1/export", export, "The memory in pages; what /v1/import takes", ExportPage,
        ("export_page", "export"), query=ExportQuery, slow=True, aliases=("/memory-manager/state/export",),
    ),
    Operation(
        "memory_import", "POST", "/v1/import", import_, "Records of an export, as a person; all are checked first",
        Imported, ("import_",), body=ImportBody, slow=True, example={"records": [{"memoryops_export": 1}]},
    ),
    Operation(
        "key_create", "POST", "/v1/keys", create_key, "Make a key, as an admin; it is shown once", NewKey,
        ("keys.create",), body=NewKeyBody, status=201, example={"name": "shop backend", "role": "agent"},
    ),
    Operation(
        "key_list", "GET", "/v1/keys", list_keys, "The keys of this workspace, as an admin", KeyPage, ("keys.list",),
        query=Paging,
    ),
    Operation(
        "key_rotate", "POST", "/v1/keys/{id}/rotate", rotate_key, "A key in place of another, as an admin", NewKey,
        ("keys.rotate",), body=RotateBody, status=201, example={"grace": 3600},
    ),
    Operation(
        "key_revoke", "DELETE", "/v1/keys/{id}", revoke_key, "End a key at once, as an admin", Key, ("keys.revoke",),
        query=Query,
    ),
    Operation(
        "user_create", "POST", "/v1/users", create_user, "A user with a key of its own, as an admin", NewUser,
        ("users.create",), body=NewUserBody, status=201, example={},
    ),
    Operation(
        "user_list", "GET", "/v1/users", list_users, "The users of this workspace, as an admin", UserPage,
        ("users.list",), query=Paging,
    ),
)  # fmt: skip
