"""Run all passes: from the text of a contract to the checked contract and its findings.

    text -> tokens -> tree    `syntax`       findings of `syntax`
         -> contract          `lowering`     findings of `name`, `type`, `secret`; always a contract
         -> rules over it     `rules`        findings of `flow`, `exhaustive`, `commitment`,
                                             `ensure`; warnings
         -> fewer findings    `suppression`  without consequences and allowed findings, limited
         -> edits             `fixes`        findings with edits that fix them

Only `check_file` reads the disk: the given file and the files that it uses. Nothing here prints.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from opord.contract import Contract
from opord.language.diagnostics.model import Diagnostic
from opord.language.fixes import add_fixes
from opord.language.lowering import Lowering, is_types_file, lower_contract, lower_types_of
from opord.language.lowering.assembly import checked_types
from opord.language.lowering.reach import Reader, within_folder_of
from opord.language.lowering.recorder import Recorder
from opord.language.lowering.used_files import UsedFiles
from opord.language.rules import find_all
from opord.language.suppression.allows import without_allowed
from opord.language.suppression.consequences import without_consequences
from opord.language.suppression.limit import limit_findings
from opord.language.syntax import tree
from opord.language.syntax.collector import without_collector
from opord.language.syntax.parser import parse
from opord.language.syntax.source import Source, read_source


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The result of checking a file.

    `contract` is None if there are errors or the file has only types; warnings do not matter.
    `model` is always set: the contract, as complete as possible. `sources` are pairs of path and
    text, the checked file first. `diagnostics` are in the order of files and lines.
    """

    contract: Contract | None
    model: Contract
    diagnostics: list[Diagnostic]
    sources: tuple[tuple[str, str], ...]

    @property
    def errors(self) -> list[Diagnostic]:
        """Return the findings that refuse the contract."""
        return [each for each in self.diagnostics if each.severity == "error"]


def check_text(text: str, file: str = "order.opord", *, read: Reader | None = None) -> CheckResult:
    """Check the text of a contract.

    `read` returns the content of the files that it uses, by paths relative to `file`.
    """
    return check_source(Source(file, text), read=read)


def check_file(path: str | Path, *, allow_outside: bool = False) -> CheckResult:
    """Check a contract and the files that it uses.

    With `allow_outside` it may use files outside its folder.

    Raises:
        OSError: the file itself cannot be read.
    """
    return check_source(Source.read(path), read=reader_for(path, allow_outside=allow_outside))


def reader_for(path: str | Path, *, allow_outside: bool) -> Reader:
    """Return what reads the files that the contract at a path uses."""
    return read_source if allow_outside else within_folder_of(path, read_source)


def check_source(source: Source, *, read: Reader | None = None) -> CheckResult:
    """Check a source; if it is not readable as text, its findings say only that."""
    with without_collector():
        return _check(source, read)


@dataclass(frozen=True, slots=True)
class Lowered:
    """A parsed and lowered file: its tree, its symbols, and its contract."""

    source: Source
    file: tree.File
    syntax: list[Diagnostic]
    ctx: Lowering
    used: UsedFiles
    model: Contract
    types_only: bool

    @property
    def errors(self) -> list[Diagnostic]:
        """Return the errors of parsing and lowering. No rule has run yet."""
        findings = [*self.syntax, *self.ctx.findings, *self.used.findings]
        return [finding for finding in findings if finding.severity == "error"]


def lower_text(text: str, file: str, *, read: Reader | None = None) -> Lowered:
    """Parse and lower the text of a contract that was accepted before, without running the rules.

    See `check_text` for `read`.
    """
    return lower_source(Source(file, text), read=read)


def lower_source(source: Source, *, read: Reader | None = None, recorder: Recorder | None = None) -> Lowered:
    """Parse and lower a source without running the rules.

    `recorder` records what its names mean.
    """
    with without_collector():
        return _lower(source, read, recorder)


def check_lowered(lowered: Lowered) -> CheckResult:
    """Run the rules on a lowered file."""
    with without_collector():
        return _judge(lowered)


def _check(source: Source, read: Reader | None) -> CheckResult:
    return _judge(_lower(source, read, None))


def _lower(source: Source, read: Reader | None, recorder: Recorder | None) -> Lowered:
    file, syntax = parse(source)
    ctx = Lowering(source)
    if recorder is not None:
        recorder.follow(source)
        ctx.recorder = recorder
    used = UsedFiles(read)
    types_only = is_types_file(file)
    if source.refused:
        model = Contract("", 1, (), None)
    else:
        used.take(ctx, file, (source.path,))
        if types_only:
            lower_types_of(ctx, file)
            model = Contract("", 1, (), None, **checked_types(ctx))  # type: ignore[arg-type]
        else:
            model = lower_contract(ctx, file)
    return Lowered(source, file, syntax, ctx, used, model, types_only)


def _judge(lowered: Lowered) -> CheckResult:
    source, file, ctx, used = lowered.source, lowered.file, lowered.ctx, lowered.used
    model, types_only = lowered.model, lowered.types_only
    findings: list[Diagnostic] = []
    if not (types_only or source.refused):
        # A finding without a place in the file is caused by a missing header.
        findings += (finding for finding in find_all(model) if finding.place.line)
    findings = without_consequences(source, file, lowered.syntax, [*findings, *ctx.findings, *used.findings])
    findings = [*lowered.syntax, *findings]
    findings = without_allowed(ctx, file, findings, types_only=types_only)
    findings.sort(key=lambda finding: _order(source.path, finding))
    findings = limit_findings(findings)
    findings = add_fixes(source, file, model, findings)
    refused = any(finding.severity == "error" for finding in findings)
    texts = ((source.path, source.text), *((path, each.text) for path, each in used.sources.items()))
    return CheckResult(None if refused or types_only else model, model, findings, texts)


def _order(path: str, finding: Diagnostic) -> tuple[bool, str, int, int, str]:
    """Return the sort key of a finding: by place, the checked file first."""
    return (finding.place.file != path, *finding.order)
