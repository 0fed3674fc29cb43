"""What is recalled for a question is neither a question nor a new memory."""

from __future__ import annotations

from typing import Any

from langchain_core.messages import HumanMessage

from memoryops.graphs.compaction import Compactor
from memoryops.graphs.conversation import is_recalled
from memoryops.graphs.recalling import as_message
from memoryops.memory.parts import marked
from memoryops.memory.service import MemoryOps
from tests.graphs.compaction.agents import chat_of


def recalled(ops: MemoryOps, question: HumanMessage) -> HumanMessage:
    ops.add("The walrus ate a red pear. " * 20)
    return as_message(ops.context("What did the walrus eat?", turns=0), question)


def test_the_question_before_a_recalled_block_stays(quick: MemoryOps) -> None:
    said: list[Any] = chat_of(10, 300)
    question = HumanMessage("What did the walrus eat? " * 30, id="q")
    block = recalled(quick, question)
    assert is_recalled(block)
    shown = Compactor(quick, 3500, keep=0).fit([*said, question, block]).messages
    assert shown[-2:] == [question, block]


def test_an_old_block_makes_room_and_is_not_found_twice(quick: MemoryOps) -> None:
    first = HumanMessage("What did the walrus eat?", id="q")
    block = recalled(quick, first)
    said: list[Any] = [first, block, *chat_of(10, 300), HumanMessage("And now?", id="q2")]
    shown = Compactor(quick, 3500).fit(said).messages
    text = str(next(message.content for message in shown if message.id == block.id))
    found = marked(text)
    assert found is not None
    assert quick.retrieve(found[1]).content == block.content
    assert found[1] not in {hit.id for hit in quick.search("walrus red pear", limit=100).hits}
