"""`memoryops compress` for eyes: stretches of kept and dropped text, in a terminal and on a page."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time
from collections.abc import Callable
from html.parser import HTMLParser
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memoryops.mcp_server.cli import heat, heat_page, terminal
from memoryops.memory.compress import Compressed, CompressedItem, KeptSpan

Cli = Callable[..., Any]

LOG = "".join(f"step {n}: all is well\n" for n in range(300)) + "step 300: the disk of <kos> is full & hot\n"
VOID = {"meta", "input"}


def item(text: str, *spans: KeptSpan, form: str = "compressed", id: str | None = "m1") -> CompressedItem:
    return CompressedItem(id, form, text, spans, 100, 10, "note")  # type: ignore[arg-type]  # any form


def answer(*items: CompressedItem, reason: str = "") -> Compressed:
    return Compressed("", items, 100, 10, 20, 0.1, "extractive", reason, "minilm (approximate)")


@given(st.text(max_size=60), st.lists(st.integers(0, 60), max_size=8), st.lists(st.floats(-5, 5), min_size=8))
@settings(max_examples=200, deadline=None, database=None)
def test_stretches_are_the_original_in_order(text: str, cuts: list[int], scores: list[float]) -> None:
    edges = sorted({min(cut, len(text)) for cut in cuts})
    pairs = [(a, b) for a, b in zip(edges[::2], edges[1::2], strict=False) if a < b]
    spans = [KeptSpan(a, b, score) for (a, b), score in zip(pairs, scores, strict=False)]
    one = item("", *spans)
    found = list(heat.stretches(one, text, heat.scale(answer(one))))
    assert "".join(each.text for each in found) == text
    kept = [each for each in found if each.kept]
    assert [(each.text, each.score) for each in kept] == [(text[s.start : s.end], s.score) for s in spans]
    assert all(0 <= each.step < heat.STEPS for each in kept)
    best = max(kept, key=lambda each: each.score or 0, default=None)
    assert best is None or best.step == heat.STEPS - 1


def test_steps_and_their_bounds_agree() -> None:
    scale = heat.Scale(-1.0, 3.0)
    assert [scale.step(score) for score in (-1.0, 0.0, 1.0, 2.99, 3.0)] == [0, 1, 2, 4, 4]
    assert scale.bounds(0)[0] == -1.0
    assert scale.bounds(4)[1] == pytest.approx(3.0)
    assert heat.Scale(2.0, 2.0).step(2.0) == heat.STEPS - 1


class Page(HTMLParser):
    """What a browser would see: text by the element it stands in; fails where tags do not close."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.seen: list[tuple[str, str]] = []
        self.outside: list[str] = []
        self.feed(html)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.outside += [value or "" for name, value in attrs if name in ("src", "href")]
        assert tag not in ("script", "link", "img", "iframe")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.seen.append((self.open[-1] if self.open else "", data))

    def of(self, tag: str) -> str:
        return "".join(text for each, text in self.seen if each == tag)


def test_a_page_stands_alone_and_escapes_what_texts_hold(cli: Cli, tmp_path: Path) -> None:
    source, html = tmp_path / "run <b>.log", tmp_path / "kept.html"
    source.write_text(LOG, encoding="utf-8")
    ran = cli("compress", str(source), "--query", "which disk is <i>full", "--budget", "40", "--html", str(html))
    assert ran.status == 0
    assert "the disk of <kos> is full & hot" in ran.out
    page = Page(html.read_text(encoding="utf-8"))
    assert not page.outside
    assert "the disk of <kos> is full & hot" in page.of("mark")
    assert "step 7: all is well" in page.of("details")
    assert "run <b>.log" in page.of("h1")
    assert "which disk is <i>full" in page.of("dd")
    assert "qr_head" in page.of("dd")
    assert "minilm (approximate)" in page.of("dd")
    assert "characters dropped" in page.of("summary")
    assert "http" not in html.read_text(encoding="utf-8").replace("http-equiv", "")


def test_memories_have_a_section_each(cli: Cli, tmp_path: Path) -> None:
    ids = [
        cli("--json", "add", text).json[0]["id"] for text in ("The walrus sleeps. " * 90, "The ferry leaves at nine.")
    ]
    html = tmp_path / "kept.html"
    assert cli("compress", "--ids", *ids, "--query", "ferry", "--budget", "60", "--html", str(html)).status == 0
    page = Page(html.read_text(encoding="utf-8"))
    assert all(id in page.of("h2") for id in ids)
    assert "The ferry leaves at nine." in page.of("mark")


def test_a_summary_and_a_hint_are_called_what_they_are() -> None:
    found = answer(item("Walruses sleep.", form="summary"), item("walrus (ID: m2)", form="hint", id="m2"))
    page = Page(heat_page.page(found, {0: "The walrus sleeps. " * 9, 1: "The walrus eats."}, "", "x"))
    assert "A summary in a model's own words:" in page.of("p")
    assert "Only this hint:" in page.of("p")
    assert "Walruses sleep." in page.of("div")
    assert "The walrus eats." in page.of("span")


def test_what_steers_a_reader_is_made_visible() -> None:
    page = heat_page.page(answer(item("", KeptSpan(0, 9, 1.0))), {0: "\x1b[2J \u202e \x00x"}, "", "x")
    assert "\\x1b[2J" in page
    assert "\\u202e" in page
    assert not {"\x1b", "\u202e", "\x00"} & set(page)


def test_a_very_long_text_makes_no_very_long_page() -> None:
    text = f"{'word ' * 2_000_000}The end."
    page = heat_page.page(answer(item("", KeptSpan(len(text) - 8, len(text), 1.0))), {0: text}, "", "x")
    assert len(page) < 60_000
    assert "more characters are not on this page" in page
    assert "The end." in page
    assert len(terminal.folded(text)) < 600


def luminance(colour: str) -> float:
    """WCAG 2: relative luminance of #rrggbb."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize(
    ("colours", "steps"), [(heat_page.LIGHT, heat_page.LIGHT_STEPS), (heat_page.DARK, heat_page.DARK_STEPS)]
)
def test_every_text_stands_out_from_what_is_behind_it(colours: dict[str, str], steps: tuple[str, ...]) -> None:
    assert len(steps) == heat.STEPS
    behind = list(product(("text",), (*steps, colours["page"])))
    for name, back in [*behind, ("dropped", colours["page"])]:
        assert contrast(colours[name], back) >= 4.5, (name, back)


@pytest.mark.parametrize(
    ("page", "said"),
    [
        ("no/such/folder/x.html", "name a file in a folder"),
        (".", "name a file in a folder"),
        ("run.log", "the text itself"),
    ],
)
def test_a_page_that_cannot_be_written_is_refused_first(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, page: str, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("run.log").write_text(LOG, encoding="utf-8")
    ran = cli("compress", "run.log", "--budget", "40", "--html", page)
    assert (ran.status, ran.out) == (1, "")
    assert said in ran.err
    assert Path("run.log").read_text(encoding="utf-8") == LOG
    assert cli("--json", "state").json["items"] == 0


@pytest.mark.parametrize(
    ("content", "budget", "said"),
    [(b"\xff\xfe\x00x", "9", "no UTF-8"), (b"  \n", "9", "is empty"), (b"x", "-1", "budget")],
)
def test_a_text_or_budget_that_is_none_is_refused(
    cli: Cli, tmp_path: Path, content: bytes, budget: str, said: str
) -> None:
    path = tmp_path / "x.txt"
    path.write_bytes(content)
    ran = cli("compress", str(path), "--budget", budget)
    assert (ran.status, ran.out) == (1, "")
    assert said in ran.err


@pytest.mark.skipif(os.name != "posix", reason="there are no pseudo terminals")
@pytest.mark.parametrize(("term", "coloured"), [("xterm-256color", True), ("dumb", False)])
def test_a_terminal_shows_what_was_dropped_too(tmp_path: Path, data_dir: Path, term: str, coloured: bool) -> None:
    path = tmp_path / "run.log"
    path.write_text(LOG + "\x1b]0;title\x07\n", encoding="utf-8")
    arguments = f"--data-dir {data_dir} compress {path} --query disk --budget 30 --no-keep".split()
    shown = in_terminal(arguments, {"TERM": term, "MEMORYOPS_IN_PROCESS": "1"})
    assert "the disk of <kos> is full" in shown
    assert ("step 150" in shown, "\x1b[2m" in shown) == (False, coloured)
    assert ("\x1b[2mstep 1: all is well" in shown) is coloured
    assert "characters]" in shown or not coloured
    assert "\x1b]0;title" not in shown
    assert "by qr_head" in shown
    assert "counted by minilm (approximate)" in shown


def in_terminal(arguments: list[str], environment: dict[str, str]) -> str:
    """What `memoryops` prints to a pseudo terminal."""
    import pty

    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "memoryops.mcp_server.cli.main", *arguments]
    kept = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR")}
    child = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env={**kept, **environment})
    os.close(theirs)
    seen = bytearray()
    ends = time.monotonic() + 120
    while time.monotonic() < ends:
        if select.select([ours], [], [], 1)[0]:
            try:
                more = os.read(ours, 65536)
            except OSError:  # Linux says so when the other end is closed
                break
            if not more:
                break
            seen += more
    os.close(ours)
    assert child.wait(10) == 0, seen
    return seen.decode()
