"""All operations, under the names that they have in `MemoryOps`: one table for both clients."""

from __future__ import annotations

from . import requests
from .calls import Call, Listing, Part, S


class Quarantine(Part[S]):
    """What was set apart until a person has looked at it."""

    add = Call(requests.quarantine_add)
    list = Listing(requests.quarantine_list, lambda page: page.entries)
    release = Call(requests.quarantine_release)
    purge = Call(requests.quarantine_purge)


class Tasks(Part[S]):
    """Work that any agent may claim, and exactly one gets."""

    create = Call(requests.task_create)
    list = Listing(requests.task_list, lambda page: page.tasks)
    get = Call(requests.task_get)
    claim = Call(requests.task_claim)
    claim_next = Call(requests.task_claim_next)
    update = Call(requests.task_update)


class Agents(Part[S]):
    """Who works here."""

    register = Call(requests.agent_register)
    heartbeat = Call(requests.agent_heartbeat)
    list = Listing(requests.agent_list, lambda page: page.agents)


class Hil(Part[S]):
    """Questions to a person; only a person's key answers."""

    request = Call(requests.hil_request)
    list = Listing(requests.hil_list, lambda page: page.requests)
    get = Call(requests.hil_get)
    answer = Call(requests.hil_answer)
    decline = Call(requests.hil_decline)


class Threads(Part[S]):
    """Conversations."""

    begin = Call(requests.session_create)
    add = Call(requests.message_add)
    ingest = Call(requests.ingest)
    list = Call(requests.thread_list)
    messages = Listing(requests.thread_history, lambda page: page.messages)


class Feedback(Part[S]):
    """What memories were worth."""

    give = Call(requests.feedback_give)
    list = Listing(requests.feedback_list, lambda page: page.entries)


class Keys(Part[S]):
    """Keys of the workspace; for admins."""

    create = Call(requests.key_create)
    list = Listing(requests.key_list, lambda page: page.keys)
    rotate = Call(requests.key_rotate)
    revoke = Call(requests.key_revoke)


class Users(Part[S]):
    """Users of the workspace, each with a key of its own; for admins."""

    create = Call(requests.user_create)
    list = Listing(requests.user_list, lambda page: page.users)


class Operations(Part[S]):
    """Memories, and the nouns beside them."""

    add = Call(requests.memory_add)
    add_many = Call(requests.memory_add_many)
    retrieve = Call(requests.memory_retrieve)
    raw = Call(requests.memory_raw)
    update = Call(requests.memory_update)
    delete = Call(requests.memory_delete)
    forget = Call(requests.memory_forget)
    restore = Call(requests.memory_restore)
    search = Listing(requests.memory_search, lambda page: page.hits)
    search_by_query = Listing(requests.memory_search_get, lambda page: page.hits)
    recall = Call(requests.recall)
    context = Call(requests.memory_context)
    compress = Call(requests.memory_compress)
    fit = Call(requests.memory_fit)
    archived = Listing(requests.archive_list, lambda page: page.entries)
    hygiene = Call(requests.hygiene)
    state = Call(requests.memory_state)
    export_page = Listing(requests.memory_export, lambda page: page.records)
    import_ = Call(requests.memory_import)

    def __init__(self, sender: S) -> None:
        super().__init__(sender)
        self.quarantine: Quarantine[S] = Quarantine(sender)
        self.tasks: Tasks[S] = Tasks(sender)
        self.agents: Agents[S] = Agents(sender)
        self.hil: Hil[S] = Hil(sender)
        self.threads: Threads[S] = Threads(sender)
        self.feedback: Feedback[S] = Feedback(sender)
        self.keys: Keys[S] = Keys(sender)
        self.users: Users[S] = Users(sender)
