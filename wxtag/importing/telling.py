"""An import in one line for the person who waits for it."""

import sys

import click

from wxtag import clock
from wxtag.app import core
from wxtag.importing.keeping import MOST_WAITING
from wxtag.importing.run import CORP, DONE, PAUSED, WAITING, Run

ON_A_SCREEN_SECONDS, IN_A_LOG_SECONDS = 0.2, 10.0
STAGES = {"staff": "reading the staff", "settle": "asking about those who were not met"}


class Progress:
    """Writes the line again and again: over itself on a terminal, a new one every ten seconds elsewhere."""

    def __init__(self, run: Run) -> None:
        self._began, self._from = clock.monotonic(), _done(run)
        self._share = _share(run)
        self._screen = sys.stderr.isatty()
        self._next = self._began if self._screen else self._began + 1.0

    def tell(self, run: Run, behind: int) -> None:
        now = clock.monotonic()
        if now < self._next:
            return
        self._next = now + (ON_A_SCREEN_SECONDS if self._screen else IN_A_LOG_SECONDS)
        text = self.line(run, behind, now - self._began)
        click.echo(f"\r{text:<110}" if self._screen else text, nl=not self._screen, err=True)

    def line(self, run: Run, behind: int, seconds: float) -> str:
        done = _done(run)
        rate = (done - self._from) / max(seconds, 0.001)
        parts = [f"{done} {_people(run)}", STAGES.get(run.stage, f"{rate:.0f}/s")]
        share = _share(run)
        if run.stage not in STAGES and share > self._share:
            parts.append(f"about {_duration(seconds * (1 - share) / (share - self._share))} left")
        parts.append(f"{run.counts.get('calls_today', 0)} calls today")
        parts.append(
            f"{'over ' if behind > MOST_WAITING else ''}{min(behind, MOST_WAITING)} to be worked off"
        )
        if behind > MOST_WAITING:
            parts.append("waiting for the workers")
        if run.error:
            parts.append(f"trying again: {run.error}")
        return ", ".join(parts)

    def end(self) -> None:
        if self._screen:
            click.echo("", err=True)


def ended(run: Run) -> str:
    """What became of it, and what to do."""
    again = f"`flask --app wsgi account import {run.account.id}`"
    read = f"{_done(run)} {_people(run)} read in {run.counts.get('calls', 0)} calls"
    skipped = run.counts.get("skipped", [])
    left_out = f"; the platform does not tell the contacts of {', '.join(skipped)}" if skipped else ""
    if run.state == DONE:
        return f"done: {read}, {run.counts.get('asked', 0)} not met and asked about{left_out}"
    if run.state == WAITING:
        at = clock.iso(run.resume_at, core().settings.zone)
        return (
            f"put off: {read}; {run.error}\nGoes on at {at} by itself (the clock sees to it), or with {again}"
        )
    if run.state == PAUSED and run.error:
        return f"paused: {read}; {run.error}\nWhen that is mended it goes on with {again}"
    return f"paused: {read}; it goes on with {again}"


def status(run: Run | None, holder: str | None, behind: int) -> str:
    """For `--status`."""
    if run is None:
        return "nothing was imported yet"
    zone = core().settings.zone
    lines = [f"{run.kind} import {run.id}, begun {clock.iso(run.started_at, zone)}: {run.state}"]
    if run.state not in (DONE, PAUSED, WAITING) and holder is None:
        lines[0] += (
            ", but nobody is at it: it was stopped in the middle, and goes on when it is started again"
        )
    if holder is not None:
        lines.append(f"at it now: {holder}")
    if run.finished_at is not None:
        lines.append(f"finished {clock.iso(run.finished_at, zone)}")
    lines.append(f"stage: {run.stage}; {_done(run)} {_people(run)}, {run.counts.get('asked', 0)} asked about")
    lines.append(
        f"calls: {run.counts.get('calls', 0)}, on {run.counts.get('day', 'no day')} "
        f"{run.counts.get('calls_today', 0)}"
    )
    lines.append(f"messages to be worked off: {'over ' if behind > MOST_WAITING else ''}{behind}")
    if run.state == WAITING:
        lines.append(f"goes on by itself at {clock.iso(run.resume_at, zone)}")
    if run.error:
        lines.append(f"trouble: {run.error}")
    return "\n".join(lines)


def _done(run: Run) -> int:
    return int(run.counts.get("people", 0))


def _people(run: Run) -> str:
    if run.kind == CORP:
        staff = run.counts.get("staff")
        return (
            "contacts" if staff is None else f"contacts (staff {run.counts.get('staff_done', 0)} of {staff})"
        )
    total = run.counts.get("total")
    return "fans" if total is None else f"of {total} fans"


def _share(run: Run) -> float:
    """How much of it is done, 0 to 1."""
    if run.kind == CORP:
        return int(run.counts.get("staff_done", 0)) / max(int(run.counts.get("staff", 0)), 1)
    return min(_done(run) / max(int(run.counts.get("total", 0)), 1), 1.0)


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
