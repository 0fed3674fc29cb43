"""Threads of checkpoints: the state of a graph after each of its steps, free of any graph framework.

A value is kept by content: what is large or a part of a list is a *blob*, named by its hash and stored once in its
thread. A list of blobs is a tree of pages of them, so that a list that grows by one costs a few names, not a copy.

    rows.py       which rows there are, and what their ids and texts look like
    refs.py       values as references to blobs, and back (pure)
    views.py      what this process knows of a thread: its revision, and which blobs are there
    commits.py    writes that nobody can come between
    reading.py    blobs and values out of the store
    listing.py    checkpoints in order, their writes, their ancestors
    freeing.py    what a thread needs no more, and deleting that
    copying.py    a thread under another id
    checkpoints.py  the operations
"""

from .checkpoints import Checkpoints, Entry, History, Saved, Value
from .refs import Codec, Split
from .rows import labels

__all__ = ["Checkpoints", "Codec", "Entry", "History", "Saved", "Split", "Value", "labels"]
