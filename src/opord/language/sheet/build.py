"""Build the guarantee sheet of a checked contract."""

from __future__ import annotations

from collections.abc import Iterator

from opord.contract import Contract, Event
from opord.language.ensure import calls_without_timeout
from opord.language.sheet.calls import action_sheet, effect_sheet
from opord.language.sheet.fields import ContractReading
from opord.language.sheet.model import (
    FORMAT,
    EventSheet,
    RequireSheet,
    Sheet,
    Taking,
    TypeSheet,
    VariantSheet,
)
from opord.language.sheet.proofs import promise_sheets, time_sheet
from opord.language.sheet.states import Ways, end_sheet, phase_sheet, state_sheet
from opord.language.sheet.troubles import troubles
from opord.language.spelling import spell
from opord.statements import gotos


def explain_sheet(contract: Contract) -> Sheet:
    """Return the guarantee sheet of a contract.

    The contract has no errors, except promises that do not hold.
    """
    reading = ContractReading(contract)
    ways = Ways(reading)
    return Sheet(
        format=FORMAT,
        contract=contract.name,
        version=contract.version,
        doc=contract.doc,
        input=reading.items(contract.params),
        key=None if contract.key is None else spell(contract.key),
        requires=tuple(
            RequireSheet(spell(each.condition), spell(each.text)) for each in contract.requirements
        ),
        states=tuple(state_sheet(reading, ways, state) for state in contract.states if state.kind != "final"),
        ends=tuple(end_sheet(reading, ways, state) for state in contract.states if state.kind == "final"),
        phases=tuple(phase_sheet(reading, phase) for phase in contract.phases),
        actions=tuple(action_sheet(reading, action) for action in contract.actions),
        effects=tuple(effect_sheet(reading, effect) for effect in contract.effects),
        pures=tuple(pure.name for pure in contract.pures),
        events=tuple(_event(reading, event) for event in contract.events),
        failures=tuple(troubles(reading)),
        secrets=tuple(reading.secrets.anywhere()),
        types=tuple(_types(reading)),
        promises=promise_sheets(reading),
        time=time_sheet(reading),
        without_timeout=calls_without_timeout(contract),
    )


def _types(reading: ContractReading) -> Iterator[TypeSheet]:
    for record in reading.contract.records:
        yield TypeSheet(record.name, record.doc, reading.items(record.fields), ())
    for enum in reading.contract.enums:
        variants = (VariantSheet(variant.name, reading.items(variant.fields)) for variant in enum.variants)
        yield TypeSheet(enum.name, enum.doc, (), tuple(variants))


def _event(reading: ContractReading, event: Event) -> EventSheet:
    contract = reading.contract
    return EventSheet(
        name=event.name,
        doc=event.doc,
        roles=event.roles,
        takes=reading.items(event.params),
        taken_in=tuple(
            Taking(
                state=state.name,
                condition=spell(handler.guard) if handler.guard is not None else "",
                ignored=handler.ignore,
                leads_to=tuple(dict.fromkeys(goto.state for goto in gotos(handler.body))),
            )
            for state in contract.states
            if state.kind != "final"
            for handler in contract.handlers_of(state)
            if handler.event == event.name
        ),
        kept=event.keep,
        once_per=None if event.key is None else spell(event.key),
        excluded=tuple(each.text for each in event.excepts),
    )
