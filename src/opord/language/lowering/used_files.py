"""Take types from a file without a contract: `use "types.opord" { Address }`.

The path is relative to the file with the `use` line, with `/` between folders, so that a contract
means the same on every machine. A used file may use other files. The types that a used type
contains come with it, but their names cannot be used here. The defaults of a used type come with it
too.
"""

from __future__ import annotations

import dataclasses
import posixpath
from dataclasses import dataclass

from opord.language.diagnostics.model import Diagnostic, Label, code
from opord.language.diagnostics.wording import listed
from opord.language.lowering import Lowering, lower_types_of
from opord.language.lowering.context import DUPLICATE
from opord.language.lowering.reach import OutsideFolder, Reader
from opord.language.lowering.symbols import TypeSymbol
from opord.language.syntax import tree
from opord.language.syntax.parser import parse
from opord.language.syntax.source import Source
from opord.language.types import names_in

CANNOT_USE = code("OP114", rule="name", title="a file that cannot be used")
OUTSIDE = code("OP120", rule="name", title="a used file outside the folder of the contract")
NOT_IN_FILE = code("OP115", rule="name", title="a name that a used file does not have")

# Symbolic links between folders can make an endless chain of files in which no path repeats.
_CHAIN_MAX = 32
# Each file may have one megabyte.
_FILES_MAX = 200


@dataclass(slots=True)
class UsedFiles:
    """The files that a contract uses, each read once, with their findings."""

    read: Reader | None
    sources: dict[str, Source] = dataclasses.field(default_factory=dict)
    lowered: dict[str, Lowering] = dataclasses.field(default_factory=dict)
    findings: list[Diagnostic] = dataclasses.field(default_factory=list)

    def take(self, ctx: Lowering, file: tree.File, chain: tuple[str, ...]) -> None:
        """Enter the types that a file uses into its symbols.

        `chain` are the files that led to it.
        """
        for node in file.declarations:
            if isinstance(node, tree.Use):
                used = self._open(ctx, node, chain)
                if used is None:
                    _enter_unread(ctx, node)
                else:
                    _enter(ctx, node, used)

    def _open(self, ctx: Lowering, node: tree.Use, chain: tuple[str, ...]) -> Lowering | None:
        path = _resolve(ctx, node)
        if path is None:
            return None
        if path in chain or len(chain) > _CHAIN_MAX:
            way = (
                " uses ".join(f"`{posixpath.basename(each)}`" for each in (*chain[chain.index(path) :], path))
                if path in chain
                else ""
            )
            ctx.report(
                CANNOT_USE,
                node.path_span,
                f"files cannot use each other in a circle: {way}"
                if way
                else "this chain of files has no end",
                help="move the types that both need into a file of their own",
            )
            return None
        file = self.lowered.get(path)
        if file is not None:
            return file
        if len(self.lowered) == _FILES_MAX:
            ctx.report(
                CANNOT_USE,
                node.path_span,
                f"`{node.path}` cannot be used: a contract uses at most {_FILES_MAX} files",
                help="put types that belong together into one file",
            )
            return None
        source = self._read(ctx, node, path)
        if source is None:
            return None
        return self._lower(ctx, node, source, (*chain, path))

    def _read(self, ctx: Lowering, node: tree.Use, path: str) -> Source | None:
        why, help = "", "check the path: it starts at the folder of this file"
        content: str | bytes = ""
        if self.read is None:
            why, help = "no other files are at hand here", "check the file where it is stored"
        else:
            try:
                content = self.read(path)
            except OutsideFolder as outside:
                _report_outside(ctx, node, outside)
                return None
            except FileNotFoundError:
                why = "there is no such file"
            except IsADirectoryError:
                why = "it is a folder"
            except UnicodeError:
                why, help = "it is not UTF-8", "save it as UTF-8"
            except (OSError, ValueError) as error:
                why = getattr(error, "strerror", None) or "it cannot be read"
        if why:
            ctx.report(CANNOT_USE, node.path_span, f"`{node.path}` cannot be used: {why}", help=help)
            return None
        return Source.from_bytes(path, content) if isinstance(content, bytes) else Source(path, content)

    def _lower(self, ctx: Lowering, node: tree.Use, source: Source, chain: tuple[str, ...]) -> Lowering:
        path = chain[-1]
        self.sources[path] = source
        file, findings = parse(source)
        used = Lowering(source)
        used.torn = bool(findings)
        self.lowered[path] = used
        self.take(used, file, chain)
        lower_types_of(used, file)
        self.findings += findings + used.findings
        contract = next((each for each in file.declarations if isinstance(each, tree.Contract)), None)
        if contract is not None:
            ctx.report(
                CANNOT_USE,
                node.path_span,
                f"`{node.path}` has a contract, `{contract.name.text}`: types are taken from a file without one",
                help="move the types that both need into a file of their own",
                labels=[Label(used.place(contract.name.span), "the contract")],
            )
        return used


def _resolve(ctx: Lowering, node: tree.Use) -> str | None:
    """Return the path of a used file, relative to the folder in which the check was started."""
    path = node.path
    why = ""
    if not path.strip():
        why = "it names no file"
    elif path.startswith(("/", "~")) or path[1:2] == ":" or "://" in path:
        why = "it has to be relative to the folder of this file, to mean the same on every machine"
    elif "\\" in path:
        why = "folders are separated by `/`"
    if why:
        ctx.report(
            CANNOT_USE,
            node.path_span,
            f"`{path}` cannot be used: {why}",
            help=f'write it as in `use "{posixpath.basename(path.replace(chr(92), "/")) or "types.opord"}"`',
        )
        return None
    folder = posixpath.dirname(ctx.source.path.replace("\\", "/"))
    return posixpath.normpath(posixpath.join(folder, path))


def _report_outside(ctx: Lowering, node: tree.Use, outside: OutsideFolder) -> None:
    where = f"it leads to `{outside.target}`, which is" if outside.by_link else "it is"
    ctx.report(
        OUTSIDE,
        node.path_span,
        f"`{node.path}` cannot be used: {where} outside of `{outside.folder}`, the folder of the contract",
        help="move the file there, or allow it with `--allow-outside` (`allow_outside = true` in opord.toml)",
    )


def _enter_unread(ctx: Lowering, node: tree.Use) -> None:
    """Enter the named types as unknown, so that only the file is reported."""
    for name in node.names:
        _enter_unknown(ctx, node, name)


def _enter_unknown(ctx: Lowering, node: tree.Use, name: tree.Name) -> None:
    if name.text and name.text not in ctx.types:
        place = ctx.place(name.span)
        ctx.types[name.text] = TypeSymbol("record", name.text, place, used_from=node.path, unread=True)


def _enter(ctx: Lowering, node: tree.Use, used: Lowering) -> None:
    for name in node.names:
        text = name.text
        symbol = used.types.get(text)
        if symbol is not None and ctx.recorder is not None:
            ctx.recorder.refer(name.span, symbol.place)
        if symbol is None or (not symbol.visible and not symbol.unread):
            near = _report_absent(ctx, node, name, used) if text and not used.torn else None
            _enter_unknown(ctx, node, name)
            if near is not None:  # the file may use the correct name below
                _enter_unknown(ctx, node, tree.Name(near, name.span))
            continue
        earlier = ctx.types.get(text)
        if earlier is not None and earlier.place == symbol.place and not earlier.visible:
            earlier.visible = True  # it came with another type
            _enter_variants(ctx, earlier)
        elif earlier is not None and not earlier.unread:
            ctx.duplicate("the type", name, earlier.place)
        else:
            own = _copy(symbol, node.path, visible=True)
            ctx.types[text] = own
            _enter_variants(ctx, own)
        for inner in _made_of(used, text):
            _come_along(ctx, node, name, used.types[inner])


def _enter_variants(ctx: Lowering, symbol: TypeSymbol) -> None:
    for name, variant in symbol.variants.items():
        ctx.variants.setdefault(name, []).append(variant)


def _come_along(ctx: Lowering, node: tree.Use, name: tree.Name, symbol: TypeSymbol) -> None:
    earlier = ctx.types.get(symbol.name)
    if earlier is None:
        ctx.types[symbol.name] = _copy(symbol, node.path, visible=False)
    elif earlier.place != symbol.place:
        ctx.report(
            DUPLICATE,
            name.span,
            f"`{name.text}` is made of a type `{symbol.name}`, and another type has that name here",
            help="give one of the two another name",
            labels=[Label(earlier.place, "here"), Label(symbol.place, "and there")],
        )


def _report_absent(ctx: Lowering, node: tree.Use, name: tree.Name, used: Lowering) -> str | None:
    """Report a name that the used file does not have; return the name that was probably meant."""
    names = [each.name for each in used.types.values() if each.visible]
    near = ctx.near(name.text, names)
    hint = f"it has {listed(names)}" if names else "it has no types"
    ctx.report(NOT_IN_FILE, name.span, f"`{node.path}` has no type `{name.text}`", near=near, help=hint)
    return near


def _copy(symbol: TypeSymbol, path: str, *, visible: bool) -> TypeSymbol:
    return TypeSymbol(
        symbol.kind,
        symbol.name,
        symbol.place,
        symbol.doc,
        symbol.fields,
        symbol.variants,
        visible,
        path,
        unread=symbol.unread,
    )


def _made_of(used: Lowering, name: str) -> list[str]:
    """List the types that a type contains, without the type itself."""
    types: dict[str, None] = {name: None}
    waiting = [name]
    while waiting:
        symbol = used.types[waiting.pop()]
        for field in symbol.all_fields():
            for inner in names_in(field.type):
                if inner in used.types and inner not in types:
                    types[inner] = None
                    waiting.append(inner)
    del types[name]
    return list(types)
