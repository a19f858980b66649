"""Programs from files, from stored texts and from generated modules; each is made once."""

from __future__ import annotations

import linecache
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from opord.codegen.names import module_name
from opord.codegen.python import BIND_LINE, contract_digest, generate, portable
from opord.contract import Contract
from opord.generated.workflow import Workflow
from opord.kernel.program import Program
from opord.loading.errors import ContractRefused, StaleModule
from opord.loading.modules import compile_module
from opord.loading.program import build_program
from opord.values import canonical

Sources = tuple[tuple[str, str], ...]

_lock: Final = threading.RLock()
_loaded: Final[dict[str, tuple[ModuleType, Program]]] = {}
_programs: Final[dict[type[Workflow], Program]] = {}


def load(path: str | Path) -> Any:
    """Compile a contract in memory, and return the module that `opord gen` would write.

    The contract's class, records, enums and failures are its attributes.

    Raises:
        ContractRefused: the contract has errors.
    """
    return _load_file(path)[0]


def load_program(path: str | Path) -> Program:
    """Compile a contract in memory, and return its program; see `load`."""
    return _load_file(path)[1]


def load_sources(sources: Sequence[tuple[str, str]]) -> Program:
    """Compile a contract from texts that were stored with its runs, its own file first."""
    texts = tuple((name, text) for name, text in sources)
    return _compiled(texts, None)[1]


def program_of(workflow: type[Workflow] | Workflow) -> Program:
    """Return the program of a contract's class, generated on disk or loaded.

    Raises:
        StaleModule: the module is not what its contract gives.
    """
    cls = workflow if isinstance(workflow, type) else type(workflow)
    binding = cls.binding
    if binding is None:
        raise TypeError(f"{cls.__qualname__} is no contract: it comes from no generated module")
    with _lock:
        if cls not in _programs:
            module = sys.modules[binding.module]
            _check_text(module, binding.module_digest)
            contract = _contract(binding.sources)
            if contract_digest(contract) != binding.digest:
                raise StaleModule(binding.module, "does not fit the contract that it holds")
            _programs[cls] = build_program(contract, binding.sources, module)
        return _programs[cls]


def _load_file(path: str | Path) -> tuple[ModuleType, Program]:
    from opord.language import check_file

    result = check_file(Path(path))
    if result.contract is None:
        raise ContractRefused(str(path), result.diagnostics)
    return _compiled(portable(result.sources), result.contract)


def _compiled(sources: Sources, contract: Contract | None) -> tuple[ModuleType, Program]:
    key = canonical.digest(canonical.encode([list(source) for source in sources]))
    with _lock:
        if key not in _loaded:
            checked = _contract(sources) if contract is None else contract
            module = compile_module(module_name(checked), generate(checked, sources))
            program = build_program(checked, sources, module)
            _loaded[key] = module, program
            _programs[program.workflow] = program
        return _loaded[key]


def _contract(sources: Sources) -> Contract:
    from opord.language import check_text

    texts = dict(sources)

    def read(path: str) -> str:
        if path not in texts:
            raise FileNotFoundError(path)
        return texts[path]

    result = check_text(sources[0][1], sources[0][0], read=read)
    if result.contract is None:
        raise ContractRefused(sources[0][0], result.diagnostics)
    return result.contract


def _check_text(module: ModuleType, digest: str) -> None:
    """Hold a module's text against the digest it was written with; a module without its text is let be."""
    text = "".join(linecache.getlines(module.__file__ or "", vars(module)))
    if not text:
        return
    body, found, _ = text.partition(BIND_LINE)
    if not found or canonical.digest(body) != digest:
        raise StaleModule(module.__name__, "was changed after it was generated")
