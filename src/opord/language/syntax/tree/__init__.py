"""Define the syntax tree of a contract: the constructs of the file, each node with its exact span.

A span is a pair of offsets into the text of one `Source`, in code points, with the end exclusive;
`Source.place` turns it into lines and columns. The tree keeps what was written: names are not
looked up and types are not known. An `Unparsed` node marks text that could not be read. Such text
has been reported, so rules that count paths or look for missing things ignore it.

Lists of items are in source order. `doc` is the text of the `##` lines above a declaration,
`allows` the `# opord: allow <rule> because …` lines above it.

Each module holds the nodes for one part of the language. Import the names from here.
"""

from __future__ import annotations

from opord.language.syntax.tree.basics import (
    Allow,
    Comment,
    Name,
    Span,
    Unparsed,
)
from opord.language.syntax.tree.calls import (
    CallDeclaration,
    CheckCall,
    InDoubtPolicy,
    KeyPolicy,
    Policy,
    Reason,
    RepeatablePolicy,
    RetryPolicy,
    TimeoutPolicy,
)
from opord.language.syntax.tree.data import (
    Enum,
    Failure,
    Field,
    RecordType,
    Variant,
)
from opord.language.syntax.tree.events import (
    Event,
    Role,
)
from opord.language.syntax.tree.expressions import (
    Argument,
    Binary,
    BinaryOperator,
    BoolLiteral,
    CallExpression,
    Conditional,
    DurationLiteral,
    Expression,
    FieldAccess,
    FieldValue,
    Index,
    IntLiteral,
    ListLiteral,
    NameExpression,
    NoneLiteral,
    NumberLiteral,
    RecordLiteral,
    Slice,
    TextLiteral,
    Unary,
    With,
)
from opord.language.syntax.tree.file import (
    Declaration,
    Documented,
    File,
)
from opord.language.syntax.tree.header import (
    Contract,
    Require,
    Use,
)
from opord.language.syntax.tree.patterns import (
    ElsePattern,
    LiteralPattern,
    NonePattern,
    OkPattern,
    Pattern,
    SomePattern,
    VariantPattern,
)
from opord.language.syntax.tree.promises import (
    AtMostOnce,
    Claim,
    Ensure,
    Eventually,
    EveryRunEnds,
    NeverAfter,
    NoWaitIsEndless,
    OnlyAfter,
)
from opord.language.syntax.tree.statements import (
    Arm,
    Block,
    BoundaryCall,
    CallStatement,
    Goto,
    If,
    Let,
    Match,
    Statement,
)
from opord.language.syntax.tree.states import (
    After,
    At,
    Handler,
    OnEvent,
    Phase,
    State,
)
from opord.language.syntax.tree.types import (
    ListType,
    MapType,
    NamedType,
    OptionalType,
    SecretType,
    TypeNode,
)
from opord.language.syntax.tree.walk import (
    allows,
    children,
    walk,
)

__all__ = [
    "After",
    "Allow",
    "Argument",
    "Arm",
    "At",
    "AtMostOnce",
    "Binary",
    "BinaryOperator",
    "Block",
    "BoolLiteral",
    "BoundaryCall",
    "CallDeclaration",
    "CallExpression",
    "CallStatement",
    "CheckCall",
    "Claim",
    "Comment",
    "Conditional",
    "Contract",
    "Declaration",
    "Documented",
    "DurationLiteral",
    "ElsePattern",
    "Ensure",
    "Enum",
    "Event",
    "Eventually",
    "EveryRunEnds",
    "Expression",
    "Failure",
    "Field",
    "FieldAccess",
    "FieldValue",
    "File",
    "Goto",
    "Handler",
    "If",
    "InDoubtPolicy",
    "Index",
    "IntLiteral",
    "KeyPolicy",
    "Let",
    "ListLiteral",
    "ListType",
    "LiteralPattern",
    "MapType",
    "Match",
    "Name",
    "NameExpression",
    "NamedType",
    "NeverAfter",
    "NoWaitIsEndless",
    "NoneLiteral",
    "NonePattern",
    "NumberLiteral",
    "OkPattern",
    "OnEvent",
    "OnlyAfter",
    "OptionalType",
    "Pattern",
    "Phase",
    "Policy",
    "Reason",
    "RecordLiteral",
    "RecordType",
    "RepeatablePolicy",
    "Require",
    "RetryPolicy",
    "Role",
    "SecretType",
    "Slice",
    "SomePattern",
    "Span",
    "State",
    "Statement",
    "TextLiteral",
    "TimeoutPolicy",
    "TypeNode",
    "Unary",
    "Unparsed",
    "Use",
    "Variant",
    "VariantPattern",
    "With",
    "allows",
    "children",
    "walk",
]
