"""A server for compressors that ask a model, and the tokenizer that a run counts by."""

import os
from collections.abc import Iterator

import pytest

from memoryops.compressors import tokens

from .chat_server import ChatServer, running, summarising

tokens.choose(os.environ.get("MEMORYOPS_TEST_TOKENIZER", "minilm"))


@pytest.fixture(scope="session")
def chat_server() -> Iterator[ChatServer]:
    """One server for the whole run, that summarises obediently."""
    proxies = os.environ.get("NO_PROXY")
    os.environ["NO_PROXY"] = "127.0.0.1"
    with running() as server:
        yield server
    if proxies is None:
        del os.environ["NO_PROXY"]
    else:
        os.environ["NO_PROXY"] = proxies


@pytest.fixture
def chat(chat_server: ChatServer) -> Iterator[ChatServer]:
    """That server, as if nobody had asked it yet."""
    for recorded in (chat_server.bodies, chat_server.headers, chat_server.paths):
        recorded.clear()
    yield chat_server
    chat_server.script = summarising
