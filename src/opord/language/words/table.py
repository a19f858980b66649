"""Hold the table: every word of the language, with its help.

Completion offers each word, hover explains it, the grammar for editors colours it, the documents
list it, and the parser names it where it expected it. `syntax/` and `lowering/` implement the
words. Messages and completion list them in the order of the rows.
"""

from __future__ import annotations

from opord.language.words.word import Snippet, Word

_CALLS = ("effect", "action")

_DECLARATIONS = (
    Word(
        "use", ("file",), "Takes types from another file, which has no contract.", 'use "types.opord" { Address, Money }',
        ('use "file" { Name }',), (Snippet("use", "types from another file", 'use "${1:types.opord}" { ${2:Address} }'),),
    ),
    Word(
        "contract", ("file",), "Names the workflow, its input and what makes two starts the same run. A file has one.",
        "contract OrderFulfilment(order: Order) key order.id version 1", ("contract Name(…)",),
        (Snippet("contract", "the header of a contract", "contract ${1:Name}(${2:order: Order}) key ${3:order.id} version 1"),),
    ),
    Word(
        "require", ("file",), "A condition on the input of a run. If it does not hold, the start is refused with the text.",
        'require order.total_cents > 0 else "order {order.id} has nothing to pay"', ('require condition else "…"',),
        (Snippet("require", "a condition on the input", 'require ${1:condition} else "${2:text}"'),), leads_to="value",
    ),
    Word(
        "record", ("file",), "A value with named fields.", "record Line { sku: str, quantity: int = 1 }",
        ("record Name { … }",), (Snippet("record", "a record", "record ${1:Name} {\n  ${2:id}: ${3:str}\n}"),),
    ),
    Word(
        "enum", ("file",), "A value that is one of several variants.", "enum Shape { Circle(radius: float), Point }",
        ("enum Name { … }",), (Snippet("enum", "an enum", "enum ${1:Name} { ${2:One}, ${3:Other} }"),),
    ),
    Word(
        "failure", ("file",), "The ways in which a call can fail; `transient` ones may be tried again, `settles` ones end a doubt.",
        "failure PaymentError { Declined(reason: str) settles, Unavailable transient }",
        ("failure Name { … }",), (Snippet("failure", "a failure", "failure ${1:Name} {\n  ${2:Unavailable} transient\n}"),),
    ),
    Word(
        "role", ("file",), "Who may send events.", "role manager, warehouse",
        ("role name",), (Snippet("role", "roles", "role ${1:manager}"),),
    ),
    Word(
        "event", ("file",), "A message from outside, accepted in the states that handle it.",
        "event approve(note: str) by manager",
        ("event name(…)",), (Snippet("event", "an event", "event ${1:approve}(${2:note: str}) by ${3:manager}"),),
    ),
    Word(
        "pure", ("file",), "A function of your own that may run any number of times, anywhere.",
        "pure risk(order: Order) -> float",
        ("pure name(…) -> T",), (Snippet("pure", "a pure", "pure ${1:name}(${2:order: Order}) -> ${3:bool}"),),
    ),
    Word(
        "effect", ("file",), "A call that only reads, or is harmless to repeat.",
        "effect find_customer(id: str) -> Customer fails CustomerError { timeout 2s }", ("effect name(…) [-> T]",),
        (Snippet("effect", "an effect", "effect ${1:find}(${2:id: str}) -> ${3:str} { timeout ${4:10s} }"),),
    ),
    Word(
        "action", ("file",), "A call that does something the outside can see; it is repeated only as its policies say.",
        "action charge_card(order: Order) -> Receipt fails PaymentError { key order.id }", ("action name(…) [-> T]",),
        (Snippet("action", "an action", "action ${1:charge}(${2:order: Order}) -> ${3:str} {\n  key ${4:order.id}\n  timeout ${5:10s}\n}"),),
    ),
    Word(
        "phase", ("file",), "Groups states that share handlers and timers.",
        "phase Checking {\n  on cancel(reason) -> goto Cancelled(reason)\n}",
        ("phase Name { … }",), (Snippet("phase", "a phase", "phase ${1:Name} {\n  $0\n}"),),
    ),
    Word(
        "state", ("file", "phase"),
        "A situation with data. Its header lists every state that it can go to; its body acts at once or waits.",
        "state Review(customer: Customer) -> Charging | Expired {\n  on approve(note) -> goto Charging\n  after 48h -> goto Expired\n}",
        ("state Name(…) -> Name { … }",), (Snippet("state", "a state", "state ${1:Name} -> ${2:Done} {\n  $0\n}"),),
    ),
    Word(
        "initial", ("file", "phase"), "The state in which a run starts.",
        "initial state Received -> Charging { goto Charging }", ("initial state Name(…) -> Name { … }",),
        (Snippet("initial state", "where a run starts", "initial state ${1:Received} -> ${2:Done} {\n  $0\n}"),),
    ),
    Word(
        "final", ("file",), "A state in which the run ends: a `success`, a `failure`, or `cancelled`.",
        "final state Rejected(reason: str) failure", ("final state Name(…) outcome",),
        (Snippet("final state", "where a run ends", "final state ${1:Done} ${2|success,failure,cancelled|}"),),
    ),
    Word(
        "ensure", ("file",), "A promise about every run, proved before any of them starts.",
        "ensure charge_card at most once\nensure Delivered only after charge_card\nensure every run ends",
        ("ensure promise",), (Snippet("ensure", "a promise", "ensure "),),
    ),
    Word(
        "upgrade", ("file",), "Says how runs of an older version move to this one.",
        "upgrade from 1 { Charging -> Charging(attempts: 0) }", ("upgrade from N",), later=True,
    ),
)  # fmt: skip

_CLAUSES = (
    Word(
        "by", ("event",), "Names the roles that may send an event.", "event approve(note: str) by manager | owner",
        ("by name | name",), leads_to="other",
    ),
    Word(
        "except", ("event",),
        "Names people who may not send an event: a text or a list of texts, of the input or of fields. Each state that handles the event needs these fields.",
        "event approve(note: str) by approver except expense.employee",
        ("except path, path",), (Snippet("except", "who may not send it", "except ${1:expense.employee}"),), leads_to="value",
    ),
    Word(
        "key", ("contract", "event"), "What makes two starts of a contract, or two events to a run, the same one.",
        "event delivered(tracking: str) key tracking", ("key x",),
        (Snippet("key", "what makes two the same", "key ${1:expr}"),), leads_to="value",
    ),
    Word(
        "version", ("contract",), "The version of the contract; a run belongs to the one that it was started with.",
        "contract C(id: str) key id version 2", ("version N",),
    ),
    Word(
        "keep", ("event",), "An event that comes too early is stored until a state handles it.",
        "event delivered(tracking: str) key tracking keep",
    ),
    Word(
        "fails", ("call",), "The failures of a call. Each place that calls it handles them.",
        "effect read(id: str) -> int fails ReadError", ("fails Name | Name",), of=_CALLS,
    ),
    Word(
        "undoes", ("call",), "Names the action that this one takes back.",
        "action refund(receipt: Receipt) undoes charge_card { key receipt.id }", ("undoes name",), of=("action",),
    ),
    Word(
        "stands because", ("call",), "Says why nothing has to undo the action when the run ends badly.",
        'action mail(to: str, text: str) stands because "a mail cannot be taken back" { key run.id }',
        ('stands because "…"',),
        (Snippet("stands because", "why nothing has to undo it", 'stands because "${1:reason}"'),), ("action",),
    ),
    Word(
        "in transaction", ("call",),
        "The action writes in the run's own database, in the transaction that records its outcome: exactly once, never in doubt.",
        "action reserve(sku: str, quantity: int) fails StockError in transaction { timeout 500ms }", of=("action",),
    ),
    Word(
        "transient", ("variant",), "This attempt certainly did not take effect, and another may help.",
        "failure PaymentError { Unavailable transient }",
    ),
    Word(
        "wait", ("variant part",),
        "The next attempt comes no sooner than the failure's one `duration` field says.",
        "failure PaymentError { TooMany(retry_after: duration) transient wait at most 5m }",
        ("transient wait [at most D]",),
    ),
    Word(
        "at most", ("variant part",), "A longer wait counts as this. Promises about time need it.",
        "failure PaymentError { TooMany(retry_after: duration) transient wait at most 5m }",
        ("wait at most D",), (Snippet("at most", "limit the wait", "at most ${1:5m}"),), leads_to="other",
    ),
    Word(
        "settles", ("variant",),
        "No attempt under the key took effect, as the other side answers for the key: it ends a doubt.",
        "failure PaymentError { Declined(reason: str) settles }",
    ),
    Word("success", ("outcome",), "The run ended as it was meant to.", "final state Delivered success"),
    Word("failure", ("outcome",), "The run ended, and not as it was meant to.", "final state Rejected(reason: str) failure"),
    Word("cancelled", ("outcome",), "The run was called off.", "final state Cancelled(reason: str) cancelled"),
)  # fmt: skip

_POLICIES = (
    Word(
        "retry", ("policy",), "How often a call is tried again after a transient failure.",
        "retry 5 times backoff 1s to 1m", ("retry N times [backoff D to D]",),
        (Snippet("retry", "try again", "retry ${1:3} times"),), _CALLS,
    ),
    Word(
        "timeout", ("policy",),
        "How long one attempt may take. Then an effect fails with `TimedOut`, and an action is in doubt.",
        "timeout 10s", ("timeout D",), (Snippet("timeout", "a limit for each attempt", "timeout ${1:10s}"),), _CALLS,
    ),
    Word(
        "key", ("policy",), "Commits with the same key are one and the same; `for` says how long the outside remembers a key.",
        "action charge(order: Order) -> Receipt { key order.id for 24h }", ("key x [for D]",),
        (Snippet("key", "what makes two the same", "key ${1:expr}"),), ("action",), "value",
    ),
    Word(
        "repeatable", ("policy",), "A run may commit this action again, each time as a new effect.",
        "action remind(text: str) { repeatable, in doubt skip }", of=("action",),
    ),
    Word(
        "in doubt", ("policy",),
        "What happens when nobody knows whether an action took effect: `repeat`, `check`, `ask`, `skip` or `report`.",
        "in doubt check find_charge(order.id) after 30s", ("in doubt choice",),
        (Snippet("in doubt", "when nobody knows whether it happened", "in doubt ${1|repeat,ask,skip,report|}"),), ("action",),
    ),
    Word("repeat", ("doubt",), "In doubt, call again with the same key.", "in doubt repeat", ("in doubt repeat",)),
    Word(
        "check", ("doubt",), "In doubt, ask an effect whether it happened.", "in doubt check find_charge(order.id) after 30s",
        ("in doubt check effect(…) [after D]",), (Snippet("check", "ask an effect", "check ${1:effect}($2)"),),
    ),
    Word(
        "ask", ("doubt",), "In doubt, wait for a person who says what happened.", "in doubt ask within 2d",
        ("in doubt ask [within D]",),
    ),
    Word("skip", ("doubt",), "In doubt, go on as if it had happened.", "in doubt skip", ("in doubt skip",)),
    Word("report", ("doubt",), "In doubt, let the contract decide: `InDoubt` joins the failures.", "in doubt report", ("in doubt report",)),
    Word("times", ("policy part",), "At most N attempts after the first.", "retry 3 times", ("retry N times",)),
    Word(
        "backoff", ("policy part",), "The shortest and the longest pause between attempts.",
        "retry 5 times backoff 1s to 1m", ("backoff D to D",),
        (Snippet("backoff", "pauses between attempts", "backoff ${1:1s} to ${2:1m}"),),
    ),
    Word(
        "to", ("policy part",), "Stands before the longest pause between attempts.", "retry 5 times backoff 1s to 1m",
        ("backoff D to D",), leads_to="other",
    ),
    Word(
        "for", ("policy part",), "How long the outside remembers the key of an action.", "key order.id for 24h",
        ("for D",), leads_to="other",
    ),
    Word(
        "shared because", ("policy part",), "Says why two runs mean the same effect by the key of an action.",
        'key customer.id for 24h shared because "a customer is greeted once a day"', ('shared because "…"',),
        (Snippet("shared because", "why two runs share the key", 'shared because "${1:reason}"'),), leads_to="other",
    ),
    Word(
        "after", ("policy part",), "How long to wait before the effect of `in doubt check` is asked.",
        "in doubt check find_charge(order.id) after 30s", ("after D",), leads_to="other",
    ),
    Word(
        "within", ("policy part", "promise part"), "A limit of time: of an `ask`, or of `every run ends`.",
        "in doubt ask within 2d", ("within D",), leads_to="other",
    ),
)  # fmt: skip

_BODIES = (
    Word(
        "goto", ("statement", "arrow"),
        "Ends the step: the run is in another state. A last `..` fills fields from variables of the same name.",
        "goto Charged(receipt)", ("goto Name(…)",), (Snippet("goto", "end the step", "goto "),), leads_to="other",
    ),
    Word(
        "let", ("statement",), "Gives a value a name for the rest of the body.",
        "let customer = perform find_customer(order.customer)",
        ("let name = x",), (Snippet("let", "name a value", "let ${1:x} = $0"),),
    ),
    Word(
        "if", ("statement", "arrow"), "Chooses by a condition which statements come next.",
        "if order.total_cents > 0 { goto Charging }", ("if condition { … } [else { … }]",),
        (Snippet("if", "choose", "if ${1:condition} { $0 }"),), leads_to="value", reserved=True,
    ),
    Word(
        "match", ("statement", "arrow"), "Chooses by a value, or by the outcome of a call; its arms cover every case.",
        "match commit charge_card(order) {\n  ok receipt -> goto Charged(receipt)\n  Declined(reason) -> goto Rejected(reason)\n}",
        ("match x { … }",),
        (
            Snippet("match", "take apart", "match ${1:value} {\n  $0\n}"),
            Snippet(
                "match commit", "commit an action, and handle what comes of it",
                "match commit ${1:action}($2) {\n  ok ${3:result} -> goto $4\n  else -> goto $0\n}",
            ),
        ), leads_to="value",
    ),
    Word(
        "perform", ("statement",), "Calls an effect.",
        "let customer = perform find_customer(order.customer) else -> goto Rejected",
        ("perform effect(…)",), (Snippet("perform", "call an effect", "perform "),),
    ),
    Word(
        "commit", ("statement",), "Calls an action, at most one on each path of a step.",
        "match commit charge_card(order) { ok r -> goto Charged(r), else -> goto Rejected }",
        ("commit action(…)",), (Snippet("commit", "call an action", "commit "),),
    ),
    Word(
        "on", ("handler",), "Handles an event in a state that waits.", 'on approve(note) if note != "" -> goto Charging',
        ("on event(…) [if condition] -> …",), (Snippet("on", "handle an event", "on ${1:event} -> goto ${2:State}"),),
    ),
    Word(
        "after", ("handler",), "Moves on when this much time has passed since the state was entered.",
        "after 48h -> goto Expired", ("after x -> …",),
        (Snippet("after", "move on after a while", "after ${1:48h} -> goto ${2:State}"),), leads_to="value",
    ),
    Word(
        "at", ("handler",), "Moves on at an instant.", "at order.due -> goto Overdue", ("at x -> …",),
        (Snippet("at", "move on at an instant", "at ${1:due} -> goto ${2:State}"),), leads_to="value",
    ),
    Word(
        "if", ("handler part",), "The handler takes the event only where the condition holds.",
        'on approve(note) if note != "" -> goto Charging', ("if condition",), leads_to="value", reserved=True,
    ),
    Word("ignore", ("handler part",), "Records an event and changes nothing.", "on reminder ignore", leads_to="other"),
    Word("each", ("child",), "Starts a run for each item of a list.", 'each line in order.lines run "Shipping"', later=True),
    Word("when", ("child",), "Moves on when runs that this one started have ended.", "when all ended -> goto Done", later=True),
    Word("run", ("child",), "Starts another run.", 'run "Shipping"', later=True),
    Word("ok", ("pattern",), "The arm for the result of a call.", "ok receipt -> goto Charged(receipt)", ("ok name -> …",)),
    Word("some", ("pattern",), "The arm for an optional that is there.", "some x -> goto Found(x)", ("some name -> …",)),
)  # fmt: skip

_PROMISES = (
    Word("at most once", ("claim",), "A run commits the action once, or not at all.", "ensure charge_card at most once", ("A at most once",)),
    Word(
        "only after", ("claim",), "X happens only after Y has happened.",
        "ensure Delivered only after charge_card", ("X only after Y",),
    ),
    Word(
        "never", ("promise",), "Once Y has happened, X does not happen.", "ensure never charge_card after refund",
        ("never X after Y",),
    ),
    Word(
        "after", ("promise",), "Once Y has happened, X happens before the run ends.",
        "ensure after charge_card eventually Delivered or Refunded", ("after Y eventually X",),
    ),
    Word(
        "no wait is endless", ("promise",), "Every wait has a timer, and no cycle goes round without a wait and a change.",
        "ensure no wait is endless",
    ),
    Word(
        "every run ends", ("promise",), "A run cannot go on for ever, or for longer than the limit.",
        "ensure every run ends within 30d", ("every run ends [within D]",),
    ),
    Word(
        "after", ("promise part",), "Stands before Y.", "ensure never charge_card after refund",
        ("never X after Y",),
    ),
    Word(
        "eventually", ("promise part",), "Stands before X.",
        "ensure after charge_card eventually Delivered or Refunded", ("after Y eventually X",),
    ),
    Word("from", ("upgrade",), "Names the version that runs are moved from.", "upgrade from 1 { … }", ("upgrade from N",), later=True),
)  # fmt: skip

_TYPES = (
    Word("bool", ("type",), "`true` or `false`.", "vip: bool"),
    Word("int", ("type",), "A whole number of 64 bits; an overflow is an error.", "total_cents: int"),
    Word("float", ("type",), "A number with a fraction, never infinite at a boundary.", "score: float"),
    Word("decimal", ("type",), "An exact number; a text in JSON.", "price: decimal"),
    Word("str", ("type",), "A text.", "id: str"),
    Word("bytes", ("type",), "Bytes; base64 in JSON.", "data: bytes"),
    Word("datetime", ("type",), "An instant in UTC.", "due: datetime"),
    Word("date", ("type",), "A day.", "born: date"),
    Word("duration", ("type",), "A length of time, such as `48h`.", "pause: duration = 10s"),
    Word("uuid", ("type",), "A UUID.", "ref: uuid"),
    Word("json", ("type",), "Anything as JSON, which the contract passes on and never looks into.", "raw: json"),
    Word(
        "list", ("collection",), "A list of values of one type.", "lines: list[Line]",
        ("list[T]",), (Snippet("list", "built-in type", "list[${1:T}]"),),
    ),
    Word(
        "map", ("collection",), "Values by text.", "tags: map[str, int]",
        ("map[str, T]",), (Snippet("map", "built-in type", "map[str, ${1:T}]"),),
    ),
    Word(
        "secret", ("type modifier",), "A value that is only passed on, encrypted where it is kept, and shown nowhere.",
        "card_token: secret str", ("secret T",), (Snippet("secret", "built-in type", "secret ${1:str}"),),
    ),
)  # fmt: skip

_ORDERED = "numbers, texts, dates or durations"

_VALUES = (
    Word("len", ("function",), "The length of a list, a map, a text or bytes.", "len(order.lines)", ("len(list, map or text) -> int",)),
    Word("min", ("function",), "The smallest of some values, or of a list.", "min(a, b)", ("min(a, b)", "min(list)"), takes=_ORDERED),
    Word("max", ("function",), "The largest of some values, or of a list.", "max(a, b)", ("max(a, b)", "max(list)"), takes=_ORDERED),
    Word("abs", ("function",), "A number or duration without its sign.", "abs(x)", ("abs(number or duration)",)),
    Word(
        "round", ("function",), "The nearest whole number, or one with so many digits.", "round(x, 2)",
        ("round(number)", "round(number, digits)"),
    ),
    Word("str", ("function",), "A value as a text.", "str(order.total_cents)", ("str(value that a text can print) -> str",)),
    Word("int", ("function",), "A number or text as an `int`.", 'int("42")', ("int(number or text) -> int",)),
    Word("float", ("function",), "A number or text as a `float`.", "float(x)", ("float(number or text) -> float",)),
    Word("decimal", ("function",), "A number or text as a `decimal`.", 'decimal("9.99")', ("decimal(number or text) -> decimal",)),
    Word("count", ("function",), "How many items of a list are this variant.", "count(outcomes, Lost)", ("count(list of an enum, Variant) -> int",)),
    Word("now", ("value",), "The instant of the step (`datetime`), the same all through it.", "let due = now + 48h"),
    Word("run", ("value",), "The run: `run.id` (`str`) and `run.started_at` (`datetime`).", 'key "{run.id}"'),
    Word("actor", ("value",), "Who sent the event (`str`): known in its handler.", "on approve(note) -> goto Charging(actor)"),
    Word(
        "call", ("doubt value",), "`call.key`: the key of the attempt in doubt, in the arguments of `in doubt check`.",
        "in doubt check find(call.key)",
    ),
    Word(
        "cancel", ("built-in event",),
        "The built-in event `cancel(reason: str)`: always kept, refused where no state handles it.",
        "on cancel(reason) -> goto Cancelled(reason)",
    ),
    Word("TimedOut", ("built-in failure",), "An effect with a `timeout` ran out of it on its last attempt.", "TimedOut -> goto Rejected"),
    Word("InDoubt", ("built-in failure",), "Nobody knows whether the action took effect, and the contract decides.", "InDoubt -> goto Unclear"),
)  # fmt: skip

_EXPRESSIONS = (
    Word("and", ("operator",), "True if both sides are true.", "if a and b { goto X }", leads_to="value", reserved=True),
    Word("or", ("operator",), "True if at least one side is true.", "if a or b { goto X }", leads_to="value", reserved=True),
    Word("not", ("operator",), "True if the condition is false.", "if not customer.vip { goto Review }", leads_to="value", reserved=True),
    Word(
        "in", ("operator",), "`x in xs`: an item of a list, a key of a map, a piece of a text.",
        "if order.id in blocked { goto Rejected }", leads_to="value", reserved=True,
    ),
    Word("with", ("copy",), "A copy of a record with other values in some fields.", "order with { total_cents: 0 }", reserved=True),
    Word(
        "if", ("choice",), "Chooses between two values.", 'let size = if n > 10 then "large" else "small"',
        ("if condition then a else b",), (Snippet("if", "if … then … else …", "if ${1:condition} then ${2:a} else ${3:b}"),),
        leads_to="value", reserved=True,
    ),
    Word(
        "then", ("choice",), "Stands before the value that is taken if the condition holds.", 'let size = if n > 10 then "large" else "small"',
        leads_to="value", reserved=True,
    ),
    Word(
        "else", ("choice",), "What happens otherwise. After a call it handles the failures; it never covers `InDoubt`.",
        "else -> goto Rejected", leads_to="value", reserved=True,
    ),
    Word("true", ("literal",), "The value of a condition that holds.", "vip: bool = true", reserved=True),
    Word("false", ("literal",), "The value of a condition that does not hold.", "vip: bool = false", reserved=True),
    Word("none", ("literal",), "No value: what an absent `T?` is.", "note: str? = none", reserved=True),
)  # fmt: skip

WORDS: tuple[Word, ...] = (
    *_DECLARATIONS, *_CLAUSES, *_POLICIES, *_BODIES, *_PROMISES, *_TYPES, *_VALUES, *_EXPRESSIONS,
)  # fmt: skip
