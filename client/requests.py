"""The requests that the service takes, one function for each of its operations.

Written by mcp_server/rest/sdk.py from the OpenAPI document; change the operations, then run it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from . import models
from .request import Request, segment


def agent_heartbeat(name: str) -> Request[models.Agent]:
    """A sign of life."""
    return Request("POST", f"/v1/agents/{segment(name)}/heartbeat", models.Agent, repeatable=True)


def agent_list(
    *, limit: int = 50, cursor: str | None = None, capability: str | None = None, alive_within: float | None = None
) -> Request[models.AgentPage]:
    """Who works here, the latest heard of first.

    *limit*: most entries of this page. *cursor*: next_cursor of the page before. *alive_within*: seconds.
    """
    return Request(
        "GET",
        "/v1/agents",
        models.AgentPage,
        query={"limit": limit, "cursor": cursor, "capability": capability, "alive_within": alive_within},
        repeatable=True,
    )


def agent_register(
    name: str, *, capabilities: Sequence[str] = (), metadata: Mapping[str, Any] | None = None
) -> Request[models.Agent]:
    """Make an agent known, or known anew."""
    return Request(
        "POST",
        "/v1/agents",
        models.Agent,
        body={"name": name, "capabilities": capabilities, "metadata": metadata},
        repeatable=True,
    )


def archive_list(
    *, limit: int = 50, cursor: str | None = None, user: str | None = None, workspace: str | None = None
) -> Request[models.ArchivePage]:
    """What is archived, the newest first.

    *limit*: most entries of this page. *cursor*: next_cursor of the page before.
    """
    return Request(
        "GET",
        "/v1/archive",
        models.ArchivePage,
        query={"limit": limit, "cursor": cursor, "user": user, "workspace": workspace},
        repeatable=True,
    )


def feedback_give(
    item_id: str,
    feedback_type: Literal["helpful", "unhelpful", "wrong", "outdated"],
    *,
    value: float = 1.0,
    comment: str | None = None,
    user: str | None = None,
    workspace: str | None = None,
) -> Request[models.FeedbackGiven]:
    """Say what a memory was worth: moves its importance by a tenth at most.

    What a memory was worth. *value*: how much so.
    """
    return Request(
        "POST",
        "/v1/feedback",
        models.FeedbackGiven,
        body={
            "item_id": item_id,
            "feedback_type": feedback_type,
            "value": value,
            "comment": comment,
            "user": user,
            "workspace": workspace,
        },
    )


def feedback_list(
    item_id: str, *, limit: int = 50, cursor: str | None = None, user: str | None = None, workspace: str | None = None
) -> Request[models.FeedbackPage]:
    """What was said of a memory, the newest first.

    *limit*: most entries of this page. *cursor*: next_cursor of the page before.
    """
    return Request(
        "GET",
        "/v1/feedback",
        models.FeedbackPage,
        query={"limit": limit, "cursor": cursor, "item_id": item_id, "user": user, "workspace": workspace},
        repeatable=True,
    )


def hil_answer(
    id: str,
    answer: str,
    *,
    comment: str | None = None,
    by: str | None = None,
    user: str | None = None,
    workspace: str | None = None,
) -> Request[models.HilRequest]:
    """Answer, as a person."""
    return Request(
        "POST",
        f"/v1/hil/{segment(id)}/answer",
        models.HilRequest,
        body={"answer": answer, "comment": comment, "by": by, "user": user, "workspace": workspace},
    )


def hil_decline(
    id: str, *, comment: str | None = None, by: str | None = None, user: str | None = None, workspace: str | None = None
) -> Request[models.HilRequest]:
    """Refuse to answer, as a person."""
    return Request(
        "POST",
        f"/v1/hil/{segment(id)}/decline",
        models.HilRequest,
        body={"comment": comment, "by": by, "user": user, "workspace": workspace},
    )


def hil_get(
    id: str, *, wait: float = 0.0, user: str | None = None, workspace: str | None = None
) -> Request[models.HilRequest]:
    """One question, waiting for its answer if asked to.

    *wait*: seconds to wait for the answer.
    """
    return Request(
        "GET",
        f"/v1/hil/{segment(id)}",
        models.HilRequest,
        query={"wait": wait, "user": user, "workspace": workspace},
        repeatable=True,
    )


def hil_list(
    *,
    limit: int = 50,
    cursor: str | None = None,
    status: Literal["pending", "answered", "declined", "expired"] | None = None,
    user: str | None = None,
    workspace: str | None = None,
) -> Request[models.HilPage]:
    """Questions to a person, the newest first.

    *limit*: most entries of this page. *cursor*: next_cursor of the page before.
    """
    return Request(
        "GET",
        "/v1/hil",
        models.HilPage,
        query={"limit": limit, "cursor": cursor, "status": status, "user": user, "workspace": workspace},
        repeatable=True,
    )


def hil_request(
    question: str,
    *,
    options: Sequence[str] = (),
    context: str = "",
    timeout: float | None = None,
    thread: str | None = None,
    metadata: Mapping[str, Any] | None = None,
    user: str | None = None,
    workspace: str | None = None,
    idempotency_key: str | None = None,
) -> Request[models.HilRequest]:
    """Ask a person; pending is no yes.

    *timeout*: seconds until it expires unanswered. *thread*: the conversation.
    """
    return Request(
        "POST",
        "/v1/hil",
        models.HilRequest,
        body={
            "question": question,
            "options": options,
            "context": context,
            "timeout": timeout,
            "thread": thread,
            "metadata": metadata,
            "user": user,
            "workspace": workspace,
        },
        key=idempotency_key,
        once=True,
    )


def hygiene(*, dry_run: bool = True, limit: int = 1000) -> Request[models.Hygiened]:
    """Compress what nobody has touched for a week, archive it after a month; a person's key, unless dry_run.

    *dry_run*: only say what would be done.
    """
    return Request("POST", "/v1/hygiene", models.Hygiened, body={"dry_run": dry_run, "limit": limit}, repeatable=True)


def ingest(
    *,
    materials: models.Materials | None = None,
    content: str | None = None,
    speaker: str | None = None,
    thread: str | None = None,
    tags: Sequence[str] = (),
    metadata: Mapping[str, Any] | None = None,
    user: str | None = None,
    workspace: str | None = None,
    idempotency_key: str | None = None,
) -> Request[models.Ingested]:
    """Take in chat, diffs and logs, or one message.

    Either materials, or one message by its role and content. *thread*: the conversation.
    """
    return Request(
        "POST",
        "/v1/ingest",
        models.Ingested,
        body={
            "materials": materials,
            "content": content,
            "speaker": speaker,
            "thread": thread,
            "tags": tags,
            "metadata": metadata,
            "user": user,
            "workspace": workspace,
        },
        key=idempotency_key,
        once=True,
    )


def key_create(
    *,
    name: str = "",
    role: Literal["agent", "human", "admin"] = "agent",
    agent: str | None = None,
    expires_at: str | None = None,
    requests_per_minute: int | None = None,
    tokens_per_minute: int | None = None,
    tokens_per_day: int | None = None,
    user: str | None = None,
    workspace: str | None = None,
) -> Request[models.NewKey]:
    """Make a key, as an admin; it is shown once.

    *expires_at*: ISO 8601; never unless given. *requests_per_minute*: its own limit; the server's unless given.
    *tokens_per_minute*: its own limit; the server's unless given. *tokens_per_day*: its own limit; the server's
    unless given.
    """
    return Request(
        "POST",
        "/v1/keys",
        models.NewKey,
        body={
            "name": name,
            "role": role,
            "agent": agent,
            "expires_at": expires_at,
            "requests_per_minute": requests_per_minute,
            "tokens_per_minute": tokens_per_minute,
            "tokens_per_day": tokens_per_day,
            "user": user,
            "workspace": workspace,
        },
    )


def key_list(*, limit: int = 50, cursor: str | None = None) -> Request[models.KeyPage]:
    """The keys of this workspace, as an admin.

    *limit*: most entries of this page. *cursor*: next_cursor of the page before.
    """
    return Request("GET", "/v1/keys", models.KeyPage, query={"limit": limit, "cursor": cursor}, repeatable=True)


def key_revoke(id: str) -> Request[models.Key]:
    """End a key at once, as an admin."""
    return Request("DELETE", f"/v1/keys/{segment(id)}", models.Key, repeatable=True)


def key_rotate(id: str, *, grace: float = 0.0) -> Request[models.NewKey]:
    """A key in place of another, as an admin.

    *grace*: seconds that the old one still works.
    """
    return Request("POST", f"/v1/keys/{segment(id)}/rotate", models.NewKey, body={"grace": grace})


def memory_add(
    content: str,
    *,
    content_type: str = "note",
    kind: Literal["item", "message"] = "item",
    priority: int = 5,
    importance: float | None = None,
    tags: Sequence[str] = (),
    metadata: Mapping[str, Any] | None = None,
    thread: str | None = None,
    speaker: str | None = None,
    created_at: str | None = None,
    ttl: float | None = None,
    derived_from: Sequence[str] = (),
    user: str | None = None,
    workspace: str | None = None,
    idempotency_key: str | None = None,
) -> Request[models.Added]:
    """Store a text; an exact duplicate is recognised.

    *priority*: 10 stays longest. *thread*: the conversation. *created_at*: ISO 8601; now unless given. *ttl*:
    seconds until it vanishes.
    """
    return Request(
        "POST",
        "/v1/items",
        models.Added,
        body={
            "content": content,
            "content_type": content_type,
            "kind": kind,
            "priority": priority,
            "importance": importance,
            "tags": tags,
            "metadata": metadata,
            "thread": thread,
            "speaker": speaker,
            "created_at": created_at,
            "ttl": ttl,
            "derived_from": derived_from,
            "user": user,
            "workspace": workspace,
        },
        key=idempotency_key,
        once=True,
    )


def memory_add_many(
    items: Sequence[models.NewItem],
    *,
    user: str | None = None,
    workspace: str | None = None,
    idempotency_key: str | None = None,
) -> Request[list[models.Added]]:
    """Store many texts; all are checked first."""
    return Request(
        "POST",
        "/v1/items/batch",
        list[models.Added],
        body={"items": items, "user": user, "workspace": workspace},
        key=idempotency_key,
        once=True,
    )


def memory_compress(
    *,
    text: str | None = None,
    ids: Sequence[str] | None = None,
    query: str = "",
    budget_tokens: int | None = None,
    content_type: str = "note",
    keep: bool = True,
    user: str | None = None,
    workspace: str | None = None,
) -> Request[models.Compressed]:
    """The parts of a text or of memories that are worth their tokens.

    Either text or ids. *query*: what must survive. *keep*: store a text, so that its id brings the original back.
    """
    return Request(
        "POST",
        "/v1/compress",
        models.Compressed,
        body={
            "text": text,
            "ids": ids,
            "query": query,
            "budget_tokens": budget_tokens,
            "content_type": content_type,
            "keep": keep,
            "user": user,
            "workspace": workspace,
        },
        repeatable=True,
    )


def memory_context(
    purpose: str,
    *,
    budget_tokens: int | None = None,
    thread: str | None = None,
    where: Mapping[str, Any] | None = None,
    limit: int | None = None,
    turns: int = 10,
    tasks: bool = True,
    user: str | None = None,
    workspace: str | None = None,
) -> Request[models.WorkingSet]:
    """What to have in view for a purpose, within a budget of tokens.

    *purpose*: task or question. *budget_tokens*: most tokens of the text. *thread*: the conversation whose latest
    turns come along. *limit*: most memories.
    """
    return Request(
        "POST",
        "/v1/workingset",
        models.WorkingSet,
        body={
            "purpose": purpose,
            "budget_tokens": budget_tokens,
            "thread": thread,
            "where": where,
            "limit": limit,
            "turns": turns,
            "tasks": tasks,
            "user": user,
            "workspace": workspace,
        },
        repeatable=True,
    )


def memory_delete(
    id: str, *, hard: bool = False, user: str | None = None, workspace: str | None = None
) -> Request[models.Forgotten]:
    """Forget a memory and what was derived from it.

    *hard*: erase every byte from the disk.
    """
    return Request(
        "DELETE",
        f"/v1/items/{segment(id)}",
        models.Forgotten,
        query={"hard": hard, "user": user, "workspace": workspace},
        repeatable=True,
    )


def memory_export(
    *,
    limit: int = 100,
    max_tokens: int = 100000,
    cursor: str | None = None,
    user: str | None = None,
    workspace: str | None = None,
) -> Request[models.ExportPage]:
    """The memory in pages; what /v1/import takes."""
    return Request(
        "GET",
        "/v1/export",
        models.ExportPage,
        query={"limit": limit, "max_tokens": max_tokens, "cursor": cursor, "user": user, "workspace": workspace},
        repeatable=True,
    )


def memory_fit(
    messages: Sequence[Mapping[str, Any]],
    *,
    query: str | None = None,
    model: str | None = None,
    max_tokens: int | None = None,
    tools: Sequence[Mapping[str, Any]] = (),
    reserve: int = 0,
    thread: str | None = None,
    recent: int = 4,
    user: str | None = None,
    workspace: str | None = None,
) -> Request[models.Fitted]:
    """A conversation as it fits the model's window.

    A conversation in OpenAI's form. *reserve*: tokens kept free for the answer. *thread*: the conversation.
    """
    return Request(
        "POST",
        "/v1/fit",
        models.Fitted,
        body={
            "messages": messages,
            "query": query,
            "model": model,
            "max_tokens": max_tokens,
            "tools": tools,
            "reserve": reserve,
            "thread": thread,
            "recent": recent,
            "user": user,
            "workspace": workspace,
        },
        repeatable=True,
    )


def memory_forget(
    *,
    ids: Sequence[str] | None = None,
    where: Mapping[str, Any] | None = None,
    hard: bool = False,
    user: str | None = None,
    workspace: str | None = None,
) -> Request[models.Forgotten]:
    """Forget memories by ids or by a filter.

    Either ids or where. *hard*: erase every byte from the disk.
    """
    return Request(
        "POST",
        "/v1/items/forget",
        models.Forgotten,
        body={"ids": ids, "where": where, "hard": hard, "user": user, "workspace": workspace},
        repeatable=True,
    )


def memory_import(
    records: Sequence[Mapping[str, Any]],
    *,
    overwrite: bool = False,
    user: str | None = None,
    workspace: str | None = None,
) -> Request[models.Imported]:
    """Records of an export, as a person; all are checked first.

    The records of an export, its header first.
    """
    return Request(
        "POST",
        "/v1/import",
        models.Imported,
        body={"records": records, "overwrite": overwrite, "user": user, "workspace": workspace},
    )


def memory_raw(id: str, *, user: str | None = None, workspace: str | None = None) -> Request[str]:
    """The text of a memory and nothing else."""
    return Request(
        "GET",
        f"/v1/items/{segment(id)}/raw",
        str,
        query={"user": user, "workspace": workspace},
        repeatable=True,
        text=True,
    )


def memory_restore(id: str, *, user: str | None = None, workspace: str | None = None) -> Request[models.Item]:
    """Make an archived or compressed memory full again."""
    return Request(
        "POST",
        f"/v1/items/{segment(id)}/restore",
        models.Item,
        query={"user": user, "workspace": workspace},
        repeatable=True,
    )


def memory_retrieve(
    id: str,
    *,
    form: Literal["full", "compressed", "hint"] = "full",
    user: str | None = None,
    workspace: str | None = None,
) -> Request[models.Item]:
    """A memory by id, its content byte-exact.

    *form*: what stands for it.
    """
    return Request(
        "GET",
        f"/v1/items/{segment(id)}",
        models.Item,
        query={"form": form, "user": user, "workspace": workspace},
        repeatable=True,
    )


def memory_search(
    query: str,
    *,
    limit: int = 8,
    where: Mapping[str, Any] | None = None,
    thread: str | None = None,
    max_tokens: int = 4000,
    cursor: str | None = None,
    explain: bool = False,
    rerank: bool | None = None,
    user: str | None = None,
    workspace: str | None = None,
) -> Request[models.Found]:
    """Search by meaning and keyword, best first.

    *thread*: only of this conversation. *max_tokens*: of all hits together. *explain*: give the parts of each
    score. *rerank*: let the retrieval head have a say; as configured.
    """
    return Request(
        "POST",
        "/v1/search",
        models.Found,
        body={
            "query": query,
            "limit": limit,
            "where": where,
            "thread": thread,
            "max_tokens": max_tokens,
            "cursor": cursor,
            "explain": explain,
            "rerank": rerank,
            "user": user,
            "workspace": workspace,
        },
        repeatable=True,
    )


def memory_search_get(
    query: str,
    *,
    limit: int = 8,
    thread: str | None = None,
    max_tokens: int = 4000,
    cursor: str | None = None,
    explain: bool = False,
    user: str | None = None,
    workspace: str | None = None,
) -> Request[models.Found]:
    """Search by meaning and keyword, best first.

    *thread*: only of this conversation.
    """
    return Request(
        "GET",
        "/v1/search",
        models.Found,
        query={
            "query": query,
            "limit": limit,
            "thread": thread,
            "max_tokens": max_tokens,
            "cursor": cursor,
            "explain": explain,
            "user": user,
            "workspace": workspace,
        },
        repeatable=True,
    )


def memory_state(*, user: str | None = None, workspace: str | None = None) -> Request[models.State]:
    """Counts, tokens and utilisation."""
    return Request("GET", "/v1/state", models.State, query={"user": user, "workspace": workspace}, repeatable=True)


def memory_update(
    id: str,
    *,
    content: str | None = None,
    content_type: str | None = None,
    priority: int | None = None,
    importance: float | None = None,
    tags: Sequence[str] | None = None,
    metadata: Mapping[str, Any] | None = None,
    speaker: str | None = None,
    thread: str | None = None,
    ttl: float | None = None,
    expected_rev: int | None = None,
    user: str | None = None,
    workspace: str | None = None,
) -> Request[models.Item]:
    """Correct a memory.

    What is given replaces what is there. *thread*: the conversation. *expected_rev*: only if it is still at this
    revision.
    """
    return Request(
        "PATCH",
        f"/v1/items/{segment(id)}",
        models.Item,
        body={
            "content": content,
            "content_type": content_type,
            "priority": priority,
            "importance": importance,
            "tags": tags,
            "metadata": metadata,
            "speaker": speaker,
            "thread": thread,
            "ttl": ttl,
            "expected_rev": expected_rev,
            "user": user,
            "workspace": workspace,
        },
    )


def message_add(
    content: str,
    *,
    speaker: str | None = None,
    thread: str | None = None,
    importance: float | None = None,
    priority: int = 5,
    tags: Sequence[str] = (),
    metadata: Mapping[str, Any] | None = None,
    created_at: str | None = None,
    ttl: float | None = None,
    user: str | None = None,
    workspace: str | None = None,
    idempotency_key: str | None = None,
) -> Request[models.Added]:
    """Store a turn of a conversation.

    A turn of a conversation. `role` and `speaker` are the same; `tenant_id` must be the key's workspace. *speaker*:
    who said it. *thread*: the conversation. *priority*: 10 stays longest. *created_at*: ISO 8601; now unless given.
    *ttl*: seconds until it vanishes.
    """
    return Request(
        "POST",
        "/v1/messages",
        models.Added,
        body={
            "content": content,
            "speaker": speaker,
            "thread": thread,
            "importance": importance,
            "priority": priority,
            "tags": tags,
            "metadata": metadata,
            "created_at": created_at,
            "ttl": ttl,
            "user": user,
            "workspace": workspace,
        },
        key=idempotency_key,
        once=True,
    )


def quarantine_add(
    reason: str,
    *,
    content: str | None = None,
    id: str | None = None,
    content_type: str | None = None,
    thread: str | None = None,
    user: str | None = None,
    workspace: str | None = None,
) -> Request[models.QuarantineEntry]:
    """Set suspicious content apart: no search or context shows it until a person releases it.

    Either new content or the id of a memory. *thread*: the conversation.
    """
    return Request(
        "POST",
        "/v1/quarantine",
        models.QuarantineEntry,
        body={
            "reason": reason,
            "content": content,
            "id": id,
            "content_type": content_type,
            "thread": thread,
            "user": user,
            "workspace": workspace,
        },
    )


def quarantine_list(
    *, limit: int = 50, cursor: str | None = None, user: str | None = None, workspace: str | None = None
) -> Request[models.QuarantinePage]:
    """What is in quarantine and why, the newest first; its content for people only.

    *limit*: most entries of this page. *cursor*: next_cursor of the page before.
    """
    return Request(
        "GET",
        "/v1/quarantine",
        models.QuarantinePage,
        query={"limit": limit, "cursor": cursor, "user": user, "workspace": workspace},
        repeatable=True,
    )


def quarantine_purge(id: str, *, user: str | None = None, workspace: str | None = None) -> Request[models.Forgotten]:
    """Erase it for good, as a person."""
    return Request(
        "DELETE",
        f"/v1/quarantine/{segment(id)}",
        models.Forgotten,
        query={"user": user, "workspace": workspace},
        repeatable=True,
    )


def quarantine_release(id: str, *, user: str | None = None, workspace: str | None = None) -> Request[models.Item]:
    """Make it searchable again, as a person."""
    return Request(
        "POST", f"/v1/quarantine/{segment(id)}/release", models.Item, query={"user": user, "workspace": workspace}
    )


def recall(
    *,
    purpose: str | None = None,
    query: str | None = None,
    token_budget: int | None = None,
    thread: str | None = None,
    limit: int = 8,
    current_view_only: bool = True,
    user: str | None = None,
    workspace: str | None = None,
) -> Request[models.Found | models.WorkingSet]:
    """A working set for a purpose, or hits for a query.

    With `purpose`: a working set, as /v1/workingset gives. With `query`: hits, as /v1/search gives. *thread*: the
    conversation. *current_view_only*: every memory is current; taken for old clients.
    """
    return Request(
        "POST",
        "/v1/recall",
        models.Found | models.WorkingSet,
        body={
            "purpose": purpose,
            "query": query,
            "token_budget": token_budget,
            "thread": thread,
            "limit": limit,
            "current_view_only": current_view_only,
            "user": user,
            "workspace": workspace,
        },
        repeatable=True,
    )


def session_create(*, user: str | None = None, workspace: str | None = None) -> Request[dict[str, str | None]]:
    """A name for a new conversation; it begins with its first message.

    For whom, if not for the key's user.
    """
    return Request("POST", "/v1/sessions", dict[str, str | None], body={"user": user, "workspace": workspace})


def task_claim(
    id: str, *, agent: str | None = None, lease: float = 900.0, user: str | None = None, workspace: str | None = None
) -> Request[models.Task]:
    """Take this task, or keep it longer.

    *agent*: you, by name. *lease*: seconds it stays yours.
    """
    return Request(
        "POST",
        f"/v1/tasks/{segment(id)}/claim",
        models.Task,
        body={"agent": agent, "lease": lease, "user": user, "workspace": workspace},
    )


def task_claim_next(
    *, agent: str | None = None, lease: float = 900.0, user: str | None = None, workspace: str | None = None
) -> Request[models.Task]:
    """Take the most urgent free task; of many that try, exactly one gets it.

    *agent*: you, by name. *lease*: seconds it stays yours.
    """
    return Request(
        "POST",
        "/v1/tasks/claim",
        models.Task,
        body={"agent": agent, "lease": lease, "user": user, "workspace": workspace},
    )


def task_create(
    title: str,
    *,
    description: str = "",
    priority: int = 5,
    tags: Sequence[str] = (),
    metadata: Mapping[str, Any] | None = None,
    thread: str | None = None,
    due_at: str | None = None,
    user: str | None = None,
    workspace: str | None = None,
    idempotency_key: str | None = None,
) -> Request[models.Task]:
    """Note a task for any agent to claim.

    *priority*: 10 first. *thread*: the conversation. *due_at*: ISO 8601.
    """
    return Request(
        "POST",
        "/v1/tasks",
        models.Task,
        body={
            "title": title,
            "description": description,
            "priority": priority,
            "tags": tags,
            "metadata": metadata,
            "thread": thread,
            "due_at": due_at,
            "user": user,
            "workspace": workspace,
        },
        key=idempotency_key,
        once=True,
    )


def task_get(id: str, *, user: str | None = None, workspace: str | None = None) -> Request[models.Task]:
    """One task."""
    return Request(
        "GET", f"/v1/tasks/{segment(id)}", models.Task, query={"user": user, "workspace": workspace}, repeatable=True
    )


def task_list(
    *,
    limit: int = 50,
    cursor: str | None = None,
    status: Sequence[Literal["open", "in_progress", "blocked", "done", "cancelled"]] = (),
    assignee: str | None = None,
    tag: str | None = None,
    user: str | None = None,
    workspace: str | None = None,
) -> Request[models.TaskPage]:
    """Tasks, the most urgent first.

    *limit*: most entries of this page. *cursor*: next_cursor of the page before. *status*: any of these.
    """
    return Request(
        "GET",
        "/v1/tasks",
        models.TaskPage,
        query={
            "limit": limit,
            "cursor": cursor,
            "status": status,
            "assignee": assignee,
            "tag": tag,
            "user": user,
            "workspace": workspace,
        },
        repeatable=True,
    )


def task_update(
    id: str,
    *,
    status: Literal["open", "in_progress", "blocked", "done", "cancelled"] | None = None,
    result: str | None = None,
    priority: int | None = None,
    title: str | None = None,
    description: str | None = None,
    tags: Sequence[str] | None = None,
    metadata: Mapping[str, Any] | None = None,
    agent: str | None = None,
    expected_rev: int | None = None,
    user: str | None = None,
    workspace: str | None = None,
) -> Request[models.Task]:
    """Report progress or the result of a task, or change it.

    *status*: in_progress: claim it instead. *agent*: you, by name.
    """
    return Request(
        "PATCH",
        f"/v1/tasks/{segment(id)}",
        models.Task,
        body={
            "status": status,
            "result": result,
            "priority": priority,
            "title": title,
            "description": description,
            "tags": tags,
            "metadata": metadata,
            "agent": agent,
            "expected_rev": expected_rev,
            "user": user,
            "workspace": workspace,
        },
    )


def thread_history(
    thread: str,
    *,
    limit: int = 50,
    cursor: str | None = None,
    newest_first: bool = False,
    user: str | None = None,
    workspace: str | None = None,
) -> Request[models.MessagePage]:
    """What was said in a conversation, in order.

    *limit*: most entries of this page. *cursor*: next_cursor of the page before.
    """
    return Request(
        "GET",
        f"/v1/threads/{segment(thread)}",
        models.MessagePage,
        query={"limit": limit, "cursor": cursor, "newest_first": newest_first, "user": user, "workspace": workspace},
        repeatable=True,
    )


def thread_list(
    *, limit: int = 100, user: str | None = None, workspace: str | None = None
) -> Request[models.ThreadList]:
    """Conversations, those with the most memories first."""
    return Request(
        "GET",
        "/v1/threads",
        models.ThreadList,
        query={"limit": limit, "user": user, "workspace": workspace},
        repeatable=True,
    )


def user_create(*, id: str | None = None, metadata: Mapping[str, Any] | None = None) -> Request[models.NewUser]:
    """A user with a key of its own, as an admin."""
    return Request("POST", "/v1/users", models.NewUser, body={"id": id, "metadata": metadata})


def user_list(*, limit: int = 50, cursor: str | None = None) -> Request[models.UserPage]:
    """The users of this workspace, as an admin.

    *limit*: most entries of this page. *cursor*: next_cursor of the page before.
    """
    return Request("GET", "/v1/users", models.UserPage, query={"limit": limit, "cursor": cursor}, repeatable=True)
