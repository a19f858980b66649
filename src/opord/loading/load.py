"""Load programs from files, from stored texts and from generated modules. Each is made once."""

from __future__ import annotations

import linecache
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from opord.codegen.names import module_name
from opord.codegen.python import BIND_LINE, generate, portable
from opord.content import digest_in
from opord.contract import Contract
from opord.generated.workflow import Workflow
from opord.kernel.program import Program
from opord.loading.build import build_program
from opord.loading.errors import ContractRefused, OtherContract, StaleModule
from opord.loading.modules import compile_module
from opord.values import canonical

Sources = tuple[tuple[str, str], ...]

_lock: Final = threading.RLock()
_loaded: Final[dict[str, tuple[ModuleType, Program]]] = {}
_programs: Final[dict[type[Workflow], Program]] = {}


def load(path: str | Path, *, allow_outside: bool = False) -> Any:
    """Compile a contract in memory, and return the module that `opord gen` would write.

    The contract's class, records, enums and failures are its attributes. With `allow_outside` the
    contract may use files outside its folder.

    Raises:
        ContractRefused: the contract has errors.
    """
    return _load_file(path, allow_outside)[0]


def load_program(path: str | Path, *, allow_outside: bool = False) -> Program:
    """Compile a contract in memory, and return its program; see `load`."""
    return _load_file(path, allow_outside)[1]


def load_sources(sources: Sequence[tuple[str, str]]) -> Program:
    """Compile a contract from its texts, its own file first.

    Raises:
        ContractRefused: the contract has errors.
    """
    texts = tuple((name, text) for name, text in sources)
    return _compiled(texts, _contract)[1]


def load_accepted(sources: Sequence[tuple[str, str]], digest: str, form: int) -> Program:
    """Compile a contract that was accepted before, from its stored texts.

    The rules are not applied again.

    Raises:
        ContractRefused: the texts cannot be understood.
        OtherContract: the texts do not belong to a contract with that digest.
    """
    texts = tuple((name, text) for name, text in sources)
    with _lock:
        checked = _loaded.get(_key(texts))
        if checked is not None and digest_in(checked[1].contract, form) == digest:
            return checked[1]
        return _compiled(texts, lambda _: read_accepted(texts, digest, form), f"{form} {digest}")[1]


def read_accepted(sources: Sequence[tuple[str, str]], digest: str, form: int) -> Contract:
    """Return the contract of texts that were accepted before; see `load_accepted`."""
    from opord.language import lower_text

    texts = dict(sources)
    lowered = lower_text(sources[0][1], sources[0][0], read=_reader(texts))
    try:
        text_digest = digest_in(lowered.model, form)
    except ValueError:
        text_digest = None
    # An equal digest proves that this is the accepted contract, even if today's rules have
    # findings.
    if text_digest == digest:
        return lowered.model
    if text_digest is None or lowered.errors:
        raise ContractRefused(sources[0][0], lowered.errors)
    raise OtherContract(sources[0][0], digest, text_digest)


def program_of(workflow: type[Workflow] | Workflow) -> Program:
    """Return the program of a contract's class, generated on disk or loaded.

    Raises:
        StaleModule: the module differs from what its contract gives.
    """
    cls = workflow if isinstance(workflow, type) else type(workflow)
    binding = cls.binding
    if binding is None:
        raise TypeError(f"{cls.__qualname__} is not a contract's class; only a generated module has one")
    with _lock:
        if cls not in _programs:
            module = sys.modules[binding.module]
            _check_text(module, binding.module_digest)
            try:
                contract = read_accepted(binding.sources, binding.digest, binding.form)
            except OtherContract:
                raise StaleModule(binding.module, "does not fit the contract that it holds") from None
            _programs[cls] = build_program(contract, binding.sources, module)
        return _programs[cls]


def _load_file(path: str | Path, allow_outside: bool) -> tuple[ModuleType, Program]:
    from opord.language import check_file

    result = check_file(Path(path), allow_outside=allow_outside)
    if result.contract is None:
        raise ContractRefused(str(path), result.diagnostics)
    contract = result.contract
    return _compiled(portable(result.sources), lambda _: contract)


def _key(sources: Sources, accepted: str = "") -> str:
    """Return the cache key of compiled sources.

    Contracts that were accepted before have other keys, because today's rules were not applied to
    them.
    """
    return canonical.digest(canonical.encode([accepted, *(list(source) for source in sources)]))


def _compiled(
    sources: Sources, read: Callable[[Sources], Contract], accepted: str = ""
) -> tuple[ModuleType, Program]:
    key = _key(sources, accepted)
    with _lock:
        if key not in _loaded:
            checked = read(sources)
            module = compile_module(module_name(checked), generate(checked, sources))
            program = build_program(checked, sources, module)
            _loaded[key] = module, program
            _programs[program.workflow] = program
        return _loaded[key]


def _contract(sources: Sources) -> Contract:
    from opord.language import check_text

    result = check_text(sources[0][1], sources[0][0], read=_reader(dict(sources)))
    if result.contract is None:
        raise ContractRefused(sources[0][0], result.diagnostics)
    return result.contract


def _reader(texts: Mapping[str, str]) -> Callable[[str], str]:
    """Return a function that gives the text of a file that the contract uses."""

    def read(path: str) -> str:
        if path not in texts:
            raise FileNotFoundError(path)
        return texts[path]

    return read


def _check_text(module: ModuleType, digest: str) -> None:
    """Compare a module's text with the digest in it. A module without a text is not checked.

    Raises:
        StaleModule: the text was changed after it was generated.
    """
    text = "".join(linecache.getlines(module.__file__ or "", vars(module)))
    if not text:
        return
    body, bind_line, _ = text.partition(BIND_LINE)
    if not bind_line or canonical.digest(body) != digest:
        raise StaleModule(module.__name__, "was changed after it was generated")
