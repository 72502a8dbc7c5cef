"""What the owner does with logs: look at them, pack them, remove them."""

import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

Follow = Annotated[bool, typer.Option("--follow", "-f", help="계속 보기, Ctrl-C로 끝 (go on until Ctrl-C).")]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="무엇을 할지 보이기만 합니다 (show what would be done).")
]
Days = Annotated[
    int, typer.Option(min=1, help="마지막으로 쓴 지 며칠이 지난 것부터 (how many days old at least).")
]


class Otherwise(TyperGroup):
    """A group whose first command's name may be left out."""

    otherwise = "show"

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if not args or args[0] not in {*self.commands, "--help"}:
            args = [self.otherwise, *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=Otherwise, help="로그 보기, 묶기, 지우기: bongsu logs scheduler -f (show, pack and remove logs)."
)


@app.command("show")
def show_logs(
    service: Annotated[str | None, typer.Argument(help="비우면 모두 (all when left out).")] = None,
    follow: Follow = False,
) -> None:
    """로그 보기, show는 생략할 수 있습니다: bongsu logs scheduler (show logs; the word may be left out)."""
    from bongsu.ops.stack import commands

    sys.exit(commands.logs(service, follow=follow))


@app.command("archive")
def archive_logs(
    days: Days = 1,
    dry_run: DryRun = False,
) -> None:
    """지난 로그를 .gz로 묶어 logs/archive/ 에 둡니다, 쓰고 있는 것은 빼고 (pack old logs, never those in use)."""
    from bongsu.ops.log_care import archive

    sys.exit(archive(days, dry_run=dry_run))


@app.command("clean")
def clean_logs(
    days: Days = 30,
    archives: Annotated[
        bool, typer.Option("--archives", help="묶어 둔 .gz도 (what was packed, too).")
    ] = False,
    dry_run: DryRun = False,
) -> None:
    """오래된 로그를 지웁니다, 쓰고 있는 것은 빼고 (remove old logs, never those in use)."""
    from bongsu.ops.log_care import clean

    sys.exit(clean(days, archives=archives, dry_run=dry_run))
