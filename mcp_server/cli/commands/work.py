"""The commands of tasks and agents."""

from __future__ import annotations

from ..parser import Commands
from .options import paged

STATUSES = ("open", "in_progress", "blocked", "done", "cancelled")


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
    paged(listing)
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
    paged(listing)
