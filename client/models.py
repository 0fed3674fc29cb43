"""What the service gives, and what goes in as more than plain values.

Written by mcp_server/rest/sdk.py from the OpenAPI document; change the operations, then run it.

A newer service may say more than is read here, and in words that are not known here: members that are not named are
passed over, and words are plain texts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NotRequired, TypedDict

from pydantic import BaseModel, ConfigDict


class Result(BaseModel):
    """What an operation gives."""

    model_config = ConfigDict(frozen=True, defer_build=True)


class Materials(TypedDict):
    """Each a text or a list of texts; a chat is a text of turns like "User: …", or a list of turns."""

    chat: NotRequired[str | Sequence[str | Turn]]
    diffs: NotRequired[str | Sequence[str]]
    logs: NotRequired[str | Sequence[str]]


class NewItem(TypedDict):
    """The arguments of `ops.add`."""

    content: str
    content_type: NotRequired[str]
    kind: NotRequired[Literal["item", "message"]]
    priority: NotRequired[int]
    importance: NotRequired[float | None]
    tags: NotRequired[Sequence[str]]
    metadata: NotRequired[Mapping[str, Any]]
    thread: NotRequired[str | None]
    speaker: NotRequired[str | None]
    created_at: NotRequired[str | None]
    ttl: NotRequired[float | None]
    derived_from: NotRequired[Sequence[str]]
    idempotency_key: NotRequired[str | None]


class Turn(TypedDict):
    role: str
    content: str


class Added(Result):
    """What became of one added text. *findings*: why screening flagged it, without the secret itself."""

    id: str
    action: str
    embedding: str = "ready"
    findings: list[str] = []


class Agent(Result):
    """A registered agent."""

    name: str
    capabilities: list[str]
    metadata: dict[str, Any]
    registered_at: str
    heartbeat_at: str
    rev: int


class AgentPage(Result):
    agents: list[Agent]
    next_cursor: str | None = None


class ArchivePage(Result):
    entries: list[Archived]
    next_cursor: str | None = None


class Archived(Result):
    """An archived memory: *hint* is its first line, *tokens* those of the whole."""

    id: str
    hint: str
    tokens: int
    priority: int
    content_type: str
    created_at: str


class Compressed(Result):
    """What is left of some originals under a budget.

    *text*: all of it, ready for a prompt, at most *budget_tokens* tokens by *counter*. *ratio*: the share of tokens
    that is left. *compressor* chose; *reason* says why that one where it was not the first choice. *action*: what
    became of a given text as a memory (None: ids were given, or it was not to be kept).
    """

    text: str
    items: list[CompressedItem]
    tokens_before: int
    tokens_after: int
    budget_tokens: int
    ratio: float
    compressor: str
    reason: str
    counter: str
    action: str | None = None


class CompressedItem(Result):
    """What is left of one original.

    *id*: the memory that holds the byte-exact original; None only for a text that was not to be kept. *form*: full
    (all of it), compressed (the *spans*, with gap marks), summary (a model's own words, no spans), hint (one line
    with the id) or left_out (*text* is "").
    """

    id: str | None
    form: str
    text: str
    spans: list[KeptSpan]
    tokens_before: int
    tokens_after: int
    content_type: str
    flagged: bool = False


class Entry(Result):
    """One thing in the working set and how it is represented.

    *form*: full (byte-exact in *text*), compressed (whole parts of it, with gap marks), summary (a model's own
    words) or hint (one line; retrieve the rest by *id*). *tokens*: what its rendered lines take; *tokens_before*:
    what the original has.
    """

    id: str
    form: str
    text: str
    tokens: int
    tokens_before: int
    kind: str
    content_type: str
    priority: int
    created_at: str
    score: float = 0.0
    thread: str | None = None
    speaker: str | None = None
    flagged: bool = False


class ExportPage(Result):
    """Some lines of an export file, each a mapping; *next_cursor* gives what follows.

    The lines of all pages, as JSON, are a file that `import_` reads: the first page begins with its header.
    *left_out*: ids of records that alone are longer than a page. Their line says so and how many tokens it would
    have, holds nothing else, and is refused by `import_`.
    """

    records: list[dict[str, Any]]
    next_cursor: str | None = None
    left_out: list[str] = []


class FeedbackEntry(Result):
    id: str
    feedback_type: str
    value: float
    comment: str | None
    created_at: str
    user: str | None = None
    agent: str | None = None


class FeedbackGiven(Result):
    """What was said of the memory *item*, and how important it was *before* and is *after*."""

    id: str
    item: str
    feedback_type: str
    value: float
    importance_before: float
    importance_after: float


class FeedbackPage(Result):
    entries: list[FeedbackEntry]
    next_cursor: str | None = None


class Fitted(Result):
    """A context that fits its window.

    *steps*: what became of each part, with its *text* where that was replaced, in the order of the context.
    *messages*: the messages that the plan was made from; those that were not replaced are the same objects.
    *tokens_after* are at most *goal*; both counts include what was reserved, and are by *counter*. *tiers*: the
    tokens of what is full, compressed and hint, and what was reserved. *compressor* did the compressing ("" where
    there was none), *reason* says why not the first choice.
    """

    steps: list[Step]
    messages: list[dict[str, Any]]
    level: str
    tokens_before: int
    tokens_after: int
    goal: int
    max_tokens: int
    utilization_before: float
    utilization_after: float
    tiers: dict[str, int]
    compressor: str
    reason: str
    counter: str


class Forgotten(Result):
    """Which ids are gone, which derived ones went with them, and which were not there."""

    ids: list[str]
    derived: list[str] = []
    missing: list[str] = []
    hard: bool = False


class Found(Result):
    """A page of hits, best first. *truncated*: more was found; continue with *next_cursor*.

    *not_reranked*: why the hits are in the order of the first stage although they were to be ranked once more, or
    "".
    """

    hits: list[Hit]
    truncated: bool = False
    next_cursor: str | None = None
    tokens: int = 0
    not_reranked: str = ""


class HilPage(Result):
    requests: list[HilRequest]
    next_cursor: str | None = None


class HilRequest(Result):
    """A question to a person and, once it has been given, the answer."""

    id: str
    rev: int
    question: str
    context: str
    options: list[str]
    status: str
    answer: str | None
    comment: str | None
    answered_by: str | None
    answered_at: str | None
    agent: str | None
    thread: str | None
    metadata: dict[str, Any]
    created_at: str
    due_at: str | None


class Hit(Result):
    """One found memory: its best passage, and where that passage lies in the whole (characters)."""

    id: str
    content: str
    score: float
    parts: dict[str, float]
    kind: str
    content_type: str
    tokens: int
    start: int
    end: int
    whole: bool
    created_at: str
    priority: int = 5
    tags: list[str] = []
    metadata: dict[str, Any] = {}
    thread: str | None = None
    speaker: str | None = None
    agent: str | None = None
    flagged: bool = False
    expires_at: float | None = None


class Hygiened(Result):
    """What a run did, or with *dry_run* would do: ids, in the order in which they were moved.

    *lifted*: compressed ones that were touched since, and are full again. *tokens_before*, *tokens_after*: what
    those memories took in their old tiers and take in the new ones; in a dry run the compressed ones are estimated.
    *left*: how many more are due, beyond the limit; *changed*: how many somebody changed meanwhile, which the next
    run looks at again.
    """

    compressed: list[str]
    archived: list[str]
    lifted: list[str]
    tokens_before: int
    tokens_after: int
    left: int
    changed: int
    dry_run: bool


class Imported(Result):
    """How many records came in, were there already with the same content, or replaced what was there."""

    added: int
    unchanged: int
    replaced: int
    duplicates: int


class Ingested(Result):
    """What became of each text of each material, in their order."""

    chat: list[Added] = []
    diffs: list[Added] = []
    logs: list[Added] = []


class Item(Result):
    """A memory as it was added: *content* is byte-exact in the *form* full; in the others it stands for the whole.

    *hint* is the line that stands for it in a prompt. *tokens* are those of the whole. *tier*: where hygiene put
    it.
    """

    id: str
    rev: int
    content: str
    content_type: str
    kind: str
    status: str
    priority: int
    importance: float
    tags: list[str]
    metadata: dict[str, Any]
    hint: str
    tokens: int
    embedding: str
    created_at: str
    updated_at: str
    expires_at: str | None = None
    thread: str | None = None
    speaker: str | None = None
    user: str | None = None
    agent: str | None = None
    derived_from: list[str] = []
    findings: list[str] = []
    form: str = "full"
    tier: str = "full"


class KeptSpan(Result):
    """Characters *start* to *end* of the original, kept as they are; scores compare within one answer."""

    start: int
    end: int
    score: float


class Key(Result):
    """A key without its secret. *prefix*: its visible beginning. *user*, *agent*: None if it is bound to none.

    *requests_per_minute*, *tokens_per_minute*, *tokens_per_day*: its own limits, None where the server's hold.
    """

    id: str
    prefix: str
    name: str
    role: str
    workspace: str
    user: str | None
    agent: str | None
    status: str
    created_at: str
    expires_at: str | None = None
    revoked_at: str | None = None
    last_used_at: str | None = None
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    tokens_per_day: int | None = None


class KeyPage(Result):
    keys: list[Key]
    next_cursor: str | None = None


class MessagePage(Result):
    messages: list[Item]
    next_cursor: str | None = None


class NewKey(Result):
    """A key just made. *secret* is what callers show; it is given here and never again."""

    key: Key
    secret: str


class NewUser(Result):
    """A user just made. *api_key* reaches this user's memories alone; it is given here and never again."""

    id: str
    api_key: str
    key: str
    created_at: str


class QuarantineEntry(Result):
    """What lies in quarantine and why. *content* is shown to people only."""

    id: str
    rev: int
    reason: str
    findings: list[str]
    content_type: str
    tokens: int
    created_at: str
    agent: str | None = None
    thread: str | None = None
    content: str | None = None


class QuarantinePage(Result):
    entries: list[QuarantineEntry]
    next_cursor: str | None = None


class Section(Result):
    """A part of the working set: "tasks", "memories" (best first) or "conversation" (in order of time).

    *tokens* include its title. *left_out*: how many more entries were found and had no room, not even as a hint.
    """

    name: str
    entries: list[Entry]
    tokens: int
    left_out: int = 0


class State(Result):
    """Counts and tokens of one scope.

    *tokens*: of all active memories by *counter*. *tiers*: how many memories are full, compressed and archived, and
    the tokens that they take in that form. *context_tokens*: those together, *context_utilization_percentage* what
    share of the *window* (tokens) they would fill; over 100 means that something must stay out. *saved_tokens*:
    what the tiers save, *cost_usd* and *saved_usd* what both would cost as input of *model* each time; None without
    a price.
    """

    workspace: str
    items: int
    messages: int
    passages: int
    quarantined: int
    by_content_type: dict[str, int]
    tokens: int
    counter: str
    window: int
    context_utilization_percentage: float
    context_tokens: int
    saved_tokens: int
    tiers: dict[str, dict[str, int]]
    model: str | None
    cost_usd: float | None
    saved_usd: float | None
    embedding: str
    tasks: dict[str, int]
    hil: dict[str, int]
    agents: int
    encoder: str
    store: str


class Step(Result):
    """What becomes of one part, or of a run of them that one line stands for.

    *parts*: their places in the context. *id* brings the original back (of a run: the list of its lines). *new*:
    whether it is to be replaced; else it stays as it is, in whatever *form*. *text*: the line of a new hint.
    *tokens*: what it takes; of what is to be compressed, its share of the room that those texts have together.
    *shared*: the parts that its mark names, itself the first, if there are others; *id* is then that of their list.
    """

    form: str
    parts: list[int]
    id: str
    tokens: int
    new: bool = False
    text: str | None = None
    shared: list[int] = []


class Task(Result):
    """A piece of work. *assignee* holds it until *lease_until* (then anybody may claim it again)."""

    id: str
    rev: int
    title: str
    description: str
    status: str
    priority: int
    assignee: str | None
    lease_until: str | None
    tags: list[str]
    metadata: dict[str, Any]
    result: str | None
    thread: str | None
    created_by: str | None
    created_at: str
    updated_at: str
    due_at: str | None = None


class TaskPage(Result):
    tasks: list[Task]
    next_cursor: str | None = None


class Thread(Result):
    """A conversation: its *name* and how many active memories it has, messages and others."""

    name: str
    memories: int


class ThreadList(Result):
    """The *threads* with the most memories first. *truncated*: there are more than were asked for."""

    threads: list[Thread]
    truncated: bool = False


class User(Result):
    id: str
    metadata: dict[str, Any]
    created_at: str


class UserPage(Result):
    users: list[User]
    next_cursor: str | None = None


class WorkingSet(Result):
    """What fits *purpose* best in *budget_tokens* tokens.

    *text*: one marked block for a prompt, at most the budget by *counter*; it says that what it holds is data.
    *sections* in the order of the text, those with nothing found left out. *left_out*: how many entries were found
    and had no room. *compressor* and *reason*: who shortened what is compressed ("" if nothing is), and why not the
    first choice.
    """

    purpose: str
    text: str
    sections: list[Section]
    tokens: int
    budget_tokens: int
    left_out: int
    compressor: str
    reason: str
    counter: str
