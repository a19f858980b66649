"""Handlers for expense approvals: messages to groups, and a bank that honours idempotency keys."""

from __future__ import annotations

import opord
from examples.patterns.approval.expense_approval import BankError, Expense, ExpenseApproval, Payment
from examples.patterns.service import NotSent, Service, body_of


class Handlers(ExpenseApproval.Handlers):
    """Speaks to a chat and to a bank."""

    def __init__(self, chat: Service, bank: Service) -> None:
        self._chat = chat
        self._bank = bank

    async def invite(self, expense: Expense, group: str, *, call: opord.Call) -> None:
        """Post a message to a group."""
        text = f"{expense.employee} asks for {expense.cents / 100:.2f} ({expense.id})"
        body_of(await self._chat.post(f"/groups/{group}", {"text": text}, key=call.key))

    async def pay(self, expense: Expense, *, call: opord.Call) -> Payment:
        """Transfer the money."""
        order = {"iban": expense.iban.reveal(), "cents": expense.cents, "purpose": expense.id}
        try:
            answer = await self._bank.post("/transfers", order, key=call.key)
        except NotSent:
            raise BankError.Busy from None
        if answer.status == 422:
            raise BankError.Refused(reason=answer.body["reason"])
        if answer.status == 429:
            raise BankError.Busy
        return Payment(reference=body_of(answer)["reference"])
