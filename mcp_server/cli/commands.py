"""The commands of `memoryops`, group by group, with their options."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path

from ... import __version__
from .parser import DESCRIPTION, Commands, global_options
from .where import HELP as WHERE

TARGETS = ("claude-desktop", "claude-code", "cursor", "vscode", "codex", "agents-md", "claude-md")
STATUSES = ("open", "in_progress", "blocked", "done", "cancelled")


def build_parser() -> ArgumentParser:
    """The parser of the whole command line."""
    parser = ArgumentParser(prog="memoryops", description=DESCRIPTION, parents=[global_options()], allow_abbrev=False)
    parser.set_defaults(json=False)
    parser.add_argument("--version", action="version", version=f"memoryops {__version__}")
    commands = Commands(parser, "commands")
    for add in (start, memories, prompts, people, work, tiers, data, keys, usage, heads):
        add(commands)
    return parser


def start(commands: Commands) -> None:
    demo = commands.add(
        "demo",
        "show the whole thing at work on real documents, in a folder that is removed afterwards",
        "demo:demo",
        "memoryops demo",
        takes="loader",
    )
    demo.add_argument("--documents", type=Path, metavar="DIR", help="documents to use (default: examples/documents)")
    stdio = commands.add(
        "mcp",
        "serve MCP on standard input and output, for a client that starts it",
        "server:mcp",
        "memoryops mcp --workspace shop",
        takes="loader",
        as_person=False,
    )
    _face(stdio)
    stdio.add_argument(
        "--no-elicitation",
        dest="elicitation",
        action="store_false",
        help="never ask the person through the asking agent's own client",
    )
    serve = commands.add(
        "serve",
        "serve MCP over HTTP: Streamable HTTP at /mcp, SSE at /sse",
        "http.serve:serve",
        "memoryops serve --port 8765",
        takes="loader",
        as_person=False,
    )
    serve.add_argument("--host", metavar="ADDRESS", help="address to listen on (MEMORYOPS_HTTP_HOST; 127.0.0.1)")
    serve.add_argument("--port", type=int, metavar="N", help="port; 0: any that is free (MEMORYOPS_HTTP_PORT; 8765)")
    serve.add_argument("--no-auth", action="store_true", help="ask for no token; on a loopback address only")
    serve.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="NAME",
        help="name that clients may call it by, beside localhost; may be repeated",
    )
    serve.add_argument(
        "--allow-origin",
        action="append",
        default=[],
        metavar="ORIGIN",
        help="web origin whose pages may call it, beside those of localhost; may be repeated",
    )
    _face(serve)
    serve.add_argument(
        "--elicitation",
        action="store_true",
        help="ask the person through the asking agent's own client, where it has forms; whoever holds the token is "
        "then trusted to put them before a person",
    )
    config = commands.add(
        "config",
        "attach a client, or tell a project's agents about the memory: print what belongs into a file, or write it",
        "cli.config:config",
        "memoryops config claude-desktop --write\n  memoryops config agents-md --write",
        takes="settings",
        as_person=False,
    )
    config.add_argument("target", choices=TARGETS, help="the client, or the file that a project's agents read")
    config.add_argument("--write", action="store_true", help="put it into the file, beside a backup of what was there")
    config.add_argument("--human", action="store_true", help="for a person's client: also answer and review")
    config.add_argument("--profile", choices=["full", "core"], help="core: the eight tools used most")
    config.add_argument("--uvx", action="store_true", help="start it with uvx, without an installation of its own")
    config.add_argument("--http", action="store_true", help="call `memoryops serve` instead of starting a server")
    config.add_argument("--port", type=int, metavar="N", help="its port (MEMORYOPS_HTTP_PORT; 8765)")
    config.add_argument(
        "--project", type=Path, metavar="DIR", help="the project whose file it is (default: the user's)"
    )
    config.add_argument("--file", type=Path, metavar="PATH", help="the client's file, where it is in no usual place")
    measured = commands.add(
        "eval",
        "measure how well and how fast your own memory answers, with this encoder and with others",
        "cli.evaluate:evaluate",
        "memoryops eval\n  memoryops eval questions.jsonl --encoder fastembed:BAAI/bge-small-en-v1.5@models/bge --json",
        takes="settings",
    )
    measured.add_argument(
        "questions",
        nargs="?",
        type=Path,
        metavar="FILE",
        help='questions, a JSON object a line: {"question": "…", "contains": "…"} or "ids": ["…"] '
        "(default: words of the memories themselves)",
    )
    measured.add_argument("--sample", type=int, default=50, metavar="N", help="memories to ask for (default: 50)")
    measured.add_argument(
        "--encoder",
        action="append",
        default=[],
        metavar="SPEC",
        help="also measure a copy of the memory embedded with this encoder; may be repeated",
    )
    commands.add(
        "doctor",
        "check the installation and the memory, and say what to do",
        "cli.doctor:doctor",
        "memoryops doctor",
        takes="loader",
    )


def _face(server: ArgumentParser) -> None:
    """What of the memory the clients of a server get to see."""
    server.add_argument("--profile", choices=["full", "core"], default="full", help="core: the eight tools used most")
    server.add_argument(
        "--human", action="store_true", help="for a person's client: also the tools to answer questions and to review"
    )


def memories(commands: Commands) -> None:
    add = commands.add(
        "add",
        "store a text, files, or standard input",
        "cli.memories:add",
        "memoryops add --tag db 'We chose SQLite for the documents.'\n"
        "  memoryops add --file notes.md src/*.py --tag shop\n  git diff | memoryops add --type diff -",
    )
    add.add_argument("text", nargs="?", metavar="TEXT", help="the text; - or nothing reads standard input")
    add.add_argument("--file", nargs="+", type=Path, default=[], action="extend", metavar="PATH", help="files to store")
    add.add_argument("--type", metavar="NAME", help="content type (default: by the file's ending, else note)")
    add.add_argument("--kind", choices=["item", "message"], default="item", help="message: a turn of a conversation")
    add.add_argument("--tag", action="append", default=[], metavar="NAME", help="label; may be repeated")
    add.add_argument("--metadata", action="append", default=[], metavar="KEY=VALUE", help="field; may be repeated")
    add.add_argument("--priority", type=int, default=5, metavar="N", help="1 to 10; 10 stays longest (default: 5)")
    add.add_argument("--thread", metavar="NAME", help="conversation it belongs to")
    add.add_argument("--speaker", metavar="NAME", help="who said it")
    add.add_argument("--created-at", metavar="TIME", help="ISO 8601 (default: now)")
    add.add_argument("--ttl", type=float, metavar="SECONDS", help="seconds until it vanishes")
    add.add_argument("--idempotency-key", metavar="KEY", help="a repetition with the same key stores nothing")

    search = commands.add(
        "search",
        "find memories by meaning and by keyword",
        "cli.memories:search",
        "memoryops search which database did we choose --where tags=db",
    )
    search.add_argument("query", nargs="+", metavar="QUERY", help="what you want to know")
    search.add_argument("--limit", type=int, default=8, metavar="N", help="most hits to show (default: 8)")
    search.add_argument("--max-tokens", type=int, metavar="N", help="most tokens of content to show")
    search.add_argument("--where", action="append", default=[], metavar="CONDITION", help=WHERE)
    search.add_argument("--cursor", metavar="CURSOR", help="continue an earlier search")
    search.add_argument("--explain", action="store_true", help="show the parts of each score")
    search.add_argument(
        "--rerank", action="store_true", default=None, help="let the retrieval head have a say in the order"
    )

    show = commands.add(
        "show",
        "print a memory: its exact text, or with --json all about it; also called retrieve",
        "cli.memories:show",
        "memoryops show 01980a52-7d10-7c2e-9b51-3f1f6f0f3a11 > note.md",
        aliases=["retrieve"],
    )
    show.add_argument("id", metavar="ID", help="the memory")
    show.add_argument(
        "--form", choices=["full", "compressed", "hint"], default="full", help="what stands for it (default: full)"
    )

    forget = commands.add(
        "forget",
        "delete memories, with what was derived from them",
        "cli.memories:forget",
        "memoryops forget --where tags=draft --yes",
    )
    forget.add_argument("ids", nargs="*", metavar="ID", help="memories")
    forget.add_argument("--where", action="append", default=[], metavar="CONDITION", help=WHERE)
    forget.add_argument("--hard", action="store_true", help="leave no byte of the text in any file (backups excepted)")
    forget.add_argument("--yes", action="store_true", help="do not ask")

    commands.add("state", "show counts, tokens and utilisation", "cli.work:state", "memoryops state --json")


def prompts(commands: Commands) -> None:
    context = commands.add(
        "context",
        "print what an agent should have in view for a purpose, under a token budget",
        "cli.prompts:context",
        "memoryops context fix the rounding of refunds --budget 2000 --thread support-17",
    )
    context.add_argument("purpose", nargs="+", metavar="PURPOSE", help="what it is for")
    context.add_argument("--budget", type=int, metavar="N", help="most tokens (MEMORYOPS_TOKEN_BUDGET; 8000)")
    context.add_argument("--thread", metavar="NAME", help="conversation whose latest messages come along")
    context.add_argument("--turns", type=int, default=10, metavar="N", help="how many of them (default: 10)")
    context.add_argument("--where", action="append", default=[], metavar="CONDITION", help=f"of memories: {WHERE}")
    context.add_argument("--limit", type=int, metavar="N", help="most memories (MEMORYOPS_MAX_CONTEXT_ITEMS; 50)")
    context.add_argument("--no-tasks", action="store_true", help="leave open tasks out")

    compress = commands.add(
        "compress",
        "print the parts of a file, of standard input, or of memories that are worth their tokens; in a terminal, in "
        "colour by score, beside what was dropped",
        "cli.prompts:compress",
        "memoryops compress incident.log --query 'why was it late' --budget 500\n"
        "  memoryops compress notes.md --query 'who decides' --budget 300 --html kept.html\n"
        "  memoryops compress --ids ID ID --budget 1000",
    )
    compress.add_argument("file", nargs="?", metavar="FILE", help="the text; - or nothing reads standard input")
    compress.add_argument("--ids", nargs="+", default=[], metavar="ID", help="memories instead")
    compress.add_argument("--query", default="", metavar="TEXT", help="what it is to help with (default: the whole)")
    compress.add_argument("--budget", type=int, metavar="N", help="most tokens (MEMORYOPS_TOKEN_BUDGET; 8000)")
    compress.add_argument("--type", metavar="NAME", help="content type (default: by the file's ending, else note)")
    compress.add_argument(
        "--html", type=Path, metavar="PAGE", help="also write a page that shows kept and dropped text"
    )
    compress.add_argument("--no-keep", action="store_true", help="do not store the original as a memory")


def people(commands: Commands) -> None:
    hil = commands.group("hil", "answer what agents ask a person")
    listing = hil.add("list", "list requests, the newest first", "cli.people:hil_list", "memoryops hil list")
    statuses = ("pending", "answered", "declined", "expired", "all")
    listing.add_argument("--status", choices=statuses, default="pending", help="which (default: pending)")
    _paged(listing)
    answer = hil.add(
        "answer",
        "answer a request",
        "cli.people:hil_answer",
        "memoryops hil answer 01980a52-7d10-7c2e-9b51-3f1f6f0f3a11 yes --comment 'only on staging'",
    )
    answer.add_argument("id", metavar="ID", help="the request")
    answer.add_argument("answer", metavar="ANSWER", help="one of its options, if it has any")
    decline = hil.add(
        "decline",
        "refuse to answer a request",
        "cli.people:hil_decline",
        "memoryops hil decline 01980a52-7d10-7c2e-9b51-3f1f6f0f3a11",
    )
    decline.add_argument("id", metavar="ID", help="the request")
    for parser in (answer, decline):
        parser.add_argument("--comment", metavar="TEXT", help="a word on it for the agent")
        parser.add_argument("--by", metavar="NAME", help="who answers (default: the user, else the role)")

    quarantine = commands.group("quarantine", "look after content that is kept away from agents")
    listing = quarantine.add(
        "list",
        "list what is in quarantine, the newest first",
        "cli.people:quarantine_list",
        "memoryops quarantine list --content",
    )
    listing.add_argument("--content", action="store_true", help="show the beginning of each text")
    _paged(listing)
    add = quarantine.add(
        "add",
        "put a memory, or a new text, into quarantine",
        "cli.people:quarantine_add",
        "memoryops quarantine add 01980a52-7d10-7c2e-9b51-3f1f6f0f3a11 --reason 'wrong figures'",
    )
    add.add_argument("id", nargs="?", metavar="ID", help="the memory")
    add.add_argument("--text", metavar="TEXT", help="a new text instead")
    add.add_argument("--reason", required=True, metavar="TEXT", help="why")
    release = quarantine.add(
        "release",
        "make a quarantined memory searchable again",
        "cli.people:quarantine_release",
        "memoryops quarantine release 01980a52-7d10-7c2e-9b51-3f1f6f0f3a11",
    )
    release.add_argument("id", metavar="ID", help="the memory")
    purge = quarantine.add(
        "purge",
        "erase a quarantined memory for good",
        "cli.people:quarantine_purge",
        "memoryops quarantine purge 01980a52-7d10-7c2e-9b51-3f1f6f0f3a11 --yes",
    )
    purge.add_argument("id", metavar="ID", help="the memory")
    purge.add_argument("--yes", action="store_true", help="do not ask")


def work(commands: Commands) -> None:
    tasks = commands.group("tasks", "see and change the tasks that agents share")
    listing = tasks.add(
        "list",
        "list tasks, the most urgent first",
        "cli.work:tasks_list",
        "memoryops tasks list --status open",
    )
    listing.add_argument("--status", choices=STATUSES, action="append", default=[], help="which; may be repeated")
    listing.add_argument("--assignee", metavar="NAME", help="only of this agent")
    listing.add_argument("--tag", metavar="NAME", help="only with this label")
    _paged(listing)
    create = tasks.add(
        "create",
        "create a task",
        "cli.work:tasks_create",
        "memoryops tasks create 'Rotate the signing key' --priority 8",
    )
    create.add_argument("title", metavar="TITLE", help="what is to be done")
    create.add_argument("--description", default="", metavar="TEXT", help="more about it")
    create.add_argument("--priority", type=int, default=5, metavar="N", help="1 to 10, 10 first (default: 5)")
    create.add_argument("--tag", action="append", default=[], metavar="NAME", help="label; may be repeated")
    create.add_argument("--metadata", action="append", default=[], metavar="KEY=VALUE", help="field; may be repeated")
    create.add_argument("--thread", metavar="NAME", help="conversation it belongs to")
    create.add_argument("--due-at", metavar="TIME", help="ISO 8601")
    show = tasks.add("show", "print one task", "cli.work:tasks_show", "memoryops tasks show ID")
    claim = tasks.add(
        "claim",
        "take a task for an agent; of many that try, exactly one gets it",
        "cli.work:tasks_claim",
        "memoryops tasks claim --agent reviewer",
    )
    claim.add_argument("id", nargs="?", metavar="ID", help="the task (default: the most urgent free one)")
    claim.add_argument("--lease", type=float, default=900.0, metavar="SECONDS", help="how long (default: 900)")
    done = tasks.add("done", "finish a task", "cli.work:tasks_done", "memoryops tasks done ID --result 'rotated'")
    done.add_argument("--result", metavar="TEXT", help="what came of it")
    update = tasks.add(
        "update", "change a task", "cli.work:tasks_update", "memoryops tasks update ID --status cancelled"
    )
    update.add_argument("--status", choices=[each for each in STATUSES if each != "in_progress"], help="new status")
    update.add_argument("--result", metavar="TEXT", help="what came of it")
    update.add_argument("--priority", type=int, metavar="N", help="1 to 10, 10 first")
    update.add_argument("--title", metavar="TEXT", help="new title")
    update.add_argument("--description", metavar="TEXT", help="new description")
    update.add_argument("--expected-rev", type=int, metavar="N", help="only if it is still at this revision")
    for parser in (show, done, update):
        parser.add_argument("id", metavar="ID", help="the task")

    agents = commands.group("agents", "see which agents work here")
    listing = agents.add(
        "list",
        "list agents, the most recently heard of first",
        "cli.work:agents_list",
        "memoryops agents list --alive-within 60",
    )
    listing.add_argument("--capability", metavar="NAME", help="only with this capability")
    listing.add_argument("--alive-within", type=float, metavar="SECONDS", help="only heard of in that time")
    _paged(listing)


def data(commands: Commands) -> None:
    export = commands.add(
        "export",
        "write the memory to a new file of JSON lines",
        "cli.data:export",
        "memoryops export memory.jsonl",
    )
    export.add_argument("path", type=Path, metavar="PATH", help="the file")
    export.add_argument("--quarantined", action="store_true", help="with what is in quarantine")
    import_ = commands.add(
        "import", "read an export into the memory", "cli.data:import_", "memoryops import memory.jsonl"
    )
    import_.add_argument("path", type=Path, metavar="PATH", help="the file")
    import_.add_argument("--overwrite", action="store_true", help="replace records that are there with other content")
    backup = commands.add(
        "backup",
        "write a consistent copy of the data folder's documents",
        "cli.data:backup",
        "memoryops backup",
    )
    backup.add_argument(
        "path", nargs="?", type=Path, metavar="PATH", help="new file (default: in backups/ of the folder)"
    )
    restore = commands.add(
        "restore",
        "make a data folder from a backup",
        "cli.data:restore",
        "memoryops restore backups/20260531-120000.sqlite --data-dir ~/restored",
        takes="settings",
    )
    restore.add_argument("backup", type=Path, metavar="BACKUP", help="the file that `backup` wrote")
    reembed = commands.add(
        "reembed",
        "make all vectors anew with another encoder",
        "cli.data:reembed",
        "memoryops reembed --encoder fastembed:BAAI/bge-small-en-v1.5@/models/bge-small",
        takes="settings",
    )
    reembed.add_argument(
        "--encoder", required=True, metavar="SPEC", help="minilm, fastembed:NAME[@PATH] or openai:MODEL@URL"
    )
    models = commands.group("models", "see which encoders there are, and fetch one")
    models.add(
        "list",
        "the forms of encoder that can be asked for",
        "cli.models:show",
        "memoryops models list",
        takes="settings",
    )
    pull = models.add(
        "pull",
        "fetch an encoder's model, the only thing here that downloads",
        "cli.models:pull",
        "memoryops models pull fastembed:BAAI/bge-small-en-v1.5",
        takes="settings",
    )
    pull.add_argument("spec", metavar="SPEC", help="the encoder")


def keys(commands: Commands) -> None:
    group = commands.group("keys", "give out keys for callers over HTTP, and take them back")
    create = group.add(
        "create",
        "make a key to this workspace; it is shown once",
        "cli.keys:create",
        "memoryops keys create 'shop backend' --workspace shop\n"
        "  memoryops keys create laptop --role human --expires-at 2027-01-01",
    )
    create.add_argument("name", nargs="?", default="", metavar="NAME", help="what to know it by")
    create.add_argument(
        "--role",
        choices=["agent", "human", "admin"],
        default="agent",
        help="human: may also answer and review; admin: may also make keys (default: agent)",
    )
    create.add_argument("--expires-at", metavar="TIME", help="ISO 8601 (default: never)")
    create.add_argument("--requests-per-minute", type=int, metavar="N", help="its own limit (default: the server's)")
    create.add_argument("--tokens-per-minute", type=int, metavar="N", help="its own limit (default: the server's)")
    create.add_argument("--tokens-per-day", type=int, metavar="N", help="its own quota (default: the server's)")
    listing = group.add("list", "list keys, the newest first", "cli.keys:show", "memoryops keys list --workspace shop")
    _paged(listing)
    rotate = group.add(
        "rotate",
        "make a key in place of another, which ends",
        "cli.keys:rotate",
        "memoryops keys rotate 3kT9vQ0bXw2Z --grace 3600",
    )
    rotate.add_argument("--grace", type=float, default=0.0, metavar="SECONDS", help="how long the old one still works")
    revoke = group.add("revoke", "end a key at once", "cli.keys:revoke", "memoryops keys revoke 3kT9vQ0bXw2Z")
    for parser in (rotate, revoke):
        parser.add_argument("id", metavar="ID", help="the key's letters between mo_ and the next _")


def usage(commands: Commands) -> None:
    show = commands.add(
        "usage",
        "what requests through the gateway took and cost",
        "cli.usage:show",
        "memoryops usage --by model --by day --since 2026-05-01\n  memoryops usage --lines --csv > usage.csv",
    )
    show.add_argument(
        "--by",
        action="append",
        choices=["model", "key", "user", "day", "upstream"],
        help="what to add up by; may be repeated (default: model)",
    )
    show.add_argument("--lines", action="store_true", help="each request instead of sums")
    show.add_argument("--since", metavar="TIME", help="from then on (ISO 8601)")
    show.add_argument("--until", metavar="TIME", help="up to before then (ISO 8601)")
    show.add_argument("--key", metavar="ID", help="requests with that key alone")
    show.add_argument("--model", metavar="NAME", help="requests for that model alone")
    show.add_argument("--csv", action="store_true", help="print CSV")


def heads(commands: Commands) -> None:
    group = commands.group("heads", "find the retrieval heads of a language model")
    detect = group.add(
        "detect",
        "score every attention head of a local model on questions with known answers, and write the best as a list",
        "cli.heads:detect",
        "memoryops heads detect --model models/llama --data questions.jsonl --out llama-heads.json",
        takes="settings",
    )
    detect.add_argument(
        "--model", required=True, metavar="PATH", help="folder of a causal model that transformers can load"
    )
    detect.add_argument("--lora", metavar="PATH", help="folder of an adapter that peft saved")
    detect.add_argument(
        "--data",
        required=True,
        type=Path,
        metavar="FILE",
        help='JSON lines, also gzipped: {"query": "…", "documents": ["…"], "gold": [0]}',
    )
    detect.add_argument("--out", required=True, type=Path, metavar="FILE", help="where the list is written")
    detect.add_argument(
        "--method",
        choices=["mean", "ndcg"],
        default="mean",
        help="mean: score on gold documents, for long contexts; ndcg: nDCG@10, for ranking (default: mean)",
    )
    detect.add_argument("--top", type=int, default=16, metavar="N", help="heads to keep (default: 16)")
    detect.add_argument("--window", type=int, metavar="N", help="most tokens of a prompt (default: the model's own)")
    detect.add_argument("--device", metavar="NAME", help="cpu, cuda, mps … (default: cuda if there is one, else cpu)")


def tiers(commands: Commands) -> None:
    hygiene = commands.add(
        "hygiene",
        "compress what nobody has touched for a week, archive it after a month; nothing is deleted",
        "cli.hygiene:hygiene",
        "memoryops hygiene --dry-run",
    )
    hygiene.add_argument("--dry-run", action="store_true", help="only say what would be done")
    hygiene.add_argument("--limit", type=int, default=1000, metavar="N", help="most memories to move (default: 1000)")
    archive = commands.group("archive", "look through what is archived, and bring it back")
    listing = archive.add(
        "list",
        "list what is archived, the newest first, or find it by its words",
        "cli.hygiene:archive_list",
        "memoryops archive list release notes",
    )
    listing.add_argument("query", nargs="*", metavar="QUERY", help="words to find (default: list everything)")
    _paged(listing)
    restore = archive.add(
        "restore",
        "make archived or compressed memories full again",
        "cli.hygiene:archive_restore",
        "memoryops archive restore 01980a52-7d10-7c2e-9b51-3f1f6f0f3a11",
    )
    restore.add_argument("ids", nargs="+", metavar="ID", help="memories")


def _paged(parser: ArgumentParser) -> None:
    parser.add_argument("--limit", type=int, default=50, metavar="N", help="most entries to show (default: 50)")
    parser.add_argument("--cursor", metavar="CURSOR", help="continue an earlier list")
