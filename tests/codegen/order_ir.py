"""The contract of `order.opord` as checked data, by hand: what the generator reads, without the language."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from opord.contract import *  # noqa: F403

SOURCE = (Path(__file__).parent / "order.opord").read_text()


def at(line):
    return Place("order.opord", line, 1, line, 80)


def f(name, type_, default=None):
    return Field(name, type_, default)


ORDER, CUSTOMER, RECEIPT = Named("Order"), Named("Customer"), Named("Receipt")


def var(name, origin, type_):
    return Var(name, origin, type_)


order = var("order", "input", ORDER)


def attr(of, name, type_):
    return Attribute(of, name, type_)


def const(v, t=STR):
    return Constant(v, t)


def goto(line, state, *args):
    return Goto(state, args, at(line))


ORDER_FULFILMENT = Contract(
    "OrderFulfilment", 1, (f("order", ORDER),), attr(order, "id", STR),
    records=(
        Record("Line", (f("sku", STR), f("quantity", INT))),
        Record("Order", (f("id", STR), f("customer", STR), f("total_cents", INT), f("lines", ListOf(Named("Line"))),
                         f("card_token", SecretOf(STR)))),
        Record("Customer", (f("id", STR), f("vip", BOOL))),
        Record("Receipt", (f("charge_id", STR), f("charged_at", DATETIME))),
    ),
    failures=(
        Failure("CustomerError", (Variant("Unknown", ()),)),
        Failure("PaymentError", (Variant("Declined", (f("reason", STR),)), Variant("RateLimited", (), True),
                                 Variant("Unavailable", (), True))),
    ),
    roles=(Role("manager"), Role("warehouse")),
    events=(
        Event("approve", (f("note", STR),), ("manager",)),
        Event("reject", (f("reason", STR),), ("manager",)),
        Event("delivered", (f("tracking", STR),), ("warehouse",), var("tracking", "param", STR), True),
        Event("cancel", (f("reason", STR),), (), None, True),
    ),
    pures=(Pure("risk", (f("order", ORDER), f("customer", CUSTOMER)), FLOAT, place=at(31)),),
    effects=(
        Effect("find_customer", (f("id", STR),), CUSTOMER, ("CustomerError",), Retry(3), timedelta(seconds=2), place=at(32)),
        Effect("find_charge", (f("order_id", STR),), OptionalOf(RECEIPT), place=at(33)),
    ),
    actions=(
        Action("charge_card", (f("order", ORDER),), RECEIPT, ("PaymentError",), None, Retry(5), timedelta(seconds=10),
               Key(attr(var("order", "param", ORDER), "id", STR), timedelta(hours=24)), False,
               Check("find_charge", (attr(var("order", "param", ORDER), "id", STR),), timedelta(seconds=30)), place=at(34)),
        Action("refund_card", (f("receipt", RECEIPT),), Nothing(), (), "charge_card", Retry(5), timedelta(seconds=10),
               Key(attr(var("receipt", "param", RECEIPT), "charge_id", STR), None), False, Repeat(), place=at(40)),
        Action("post_slack", (f("text", STR),), Nothing(), doubt=Skip(), place=at(41)),
    ),
    states=(
        State("Received", "acting", True, (), ("Review", "Charging", "Rejected", "Cancelled"), (
            Call(CallSite("perform", "find_customer", (attr(order, "customer", STR),), at(47)), "customer", CUSTOMER, (
                Arm(VariantPattern((VariantRef("CustomerError", "Unknown"),)), (goto(48, "Rejected", ("reason", Text(("unknown customer ", attr(order, "customer", STR))))),)),
                Arm(VariantPattern((VariantRef("", "TimedOut"),)), (goto(49, "Rejected", ("reason", const("customer service unavailable"))),)),
            ), at(47)),
            If(Binary("and", Binary(">", PureCall("risk", (order, var("customer", "binding", CUSTOMER)), FLOAT), Constant(0.8, FLOAT), BOOL),
                      Unary("not", attr(var("customer", "binding", CUSTOMER), "vip", BOOL), BOOL), BOOL, at(51)),
               (goto(51, "Review", ("customer", var("customer", "binding", CUSTOMER))),), None, at(51)),
            goto(52, "Charging"),
        ), phase="Checking", place=at(46)),
        State("Review", "waiting", False, (f("customer", CUSTOMER),), ("Charging", "Rejected", "Expired", "Cancelled"), (), (
            EventHandler("approve", ("note",), None, (goto(56, "Charging"),), place=at(56)),
            EventHandler("reject", ("reason",), None, (goto(57, "Rejected", ("reason", var("reason", "binding", STR))),), place=at(57)),
        ), (Timer("after", Constant(timedelta(hours=48), DURATION, at(58)), (goto(58, "Expired"),), at(58)),), phase="Checking", place=at(55)),
        State("Charging", "acting", False, (), ("Charged", "Rejected"), (
            Match(CallSite("commit", "charge_card", (order,), at(63)), (
                Arm(OkPattern("receipt", RECEIPT), (goto(64, "Charged", ("receipt", var("receipt", "binding", RECEIPT))),)),
                Arm(VariantPattern((VariantRef("PaymentError", "Declined"),), (("reason", "reason"),)), (goto(65, "Rejected", ("reason", var("reason", "binding", STR))),)),
                Arm(VariantPattern((VariantRef("PaymentError", "RateLimited"), VariantRef("PaymentError", "Unavailable"))), (goto(66, "Rejected", ("reason", const("payment provider unavailable"))),)),
            ), at(63)),), place=at(62)),
        State("Charged", "acting", False, (f("receipt", RECEIPT),), ("Shipping",), (
            Call(CallSite("commit", "post_slack", (Text(("order ", attr(order, "id", STR), " charged ", attr(order, "total_cents", INT), " cents")),), at(71)), None, Nothing(), (), at(71)),
            goto(72, "Shipping", ("receipt", var("receipt", "field", RECEIPT))),
        ), place=at(70)),
        State("Shipping", "waiting", False, (f("receipt", RECEIPT),), ("Delivered", "Refunding"), (), (
            EventHandler("delivered", ("tracking",), None, (goto(76, "Delivered", ("tracking", var("tracking", "binding", STR))),)),
        ), (Timer("after", Constant(timedelta(days=30), DURATION, at(77)), (goto(77, "Refunding", ("receipt", var("receipt", "field", RECEIPT))),)),)),
        State("Refunding", "acting", False, (f("receipt", RECEIPT),), ("Refunded",), (
            Call(CallSite("commit", "refund_card", (var("receipt", "field", RECEIPT),), at(81)), None, Nothing(), (), at(81)),
            goto(82, "Refunded", ("receipt", var("receipt", "field", RECEIPT))),
        )),
        State("Delivered", "final", False, (f("tracking", STR),), (), outcome="success"),
        State("Rejected", "final", False, (f("reason", STR),), (), outcome="failure"),
        State("Expired", "final", False, (), (), outcome="failure"),
        State("Refunded", "final", False, (f("receipt", RECEIPT),), (), outcome="failure"),
        State("Cancelled", "final", False, (f("reason", STR),), (), outcome="cancelled"),
    ),
    phases=(Phase("Checking", ("Received", "Review"), (
        EventHandler("cancel", ("reason",), None, (goto(44, "Cancelled", ("reason", var("reason", "binding", STR))),), place=at(44)),)),),
    doc="Takes a paid order from webhook to delivery and charges the card at most once.",
)
