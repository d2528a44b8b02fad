"""Finds, by reading the code, every English sentence that the rooms below `agent/` tell a person.

A sentence is told when it reaches one of the places in `TOLD`: an argument, a field or a key of
that name, or the message of an error. From there the reader goes back through names, parameters,
calls, branches and lists to the texts in the code. What stands in an f-string's hole becomes a
hole:

    f"{len(rows):,} rows have no {role} in {column!r}"   ->   "{:,} rows have no {} in {!r}"

A choice between two texts inside an f-string gives two sentences. Where words of ours can stand in
a hole, here "text" or "label", the hole is marked, and the words are phrases.
"""

import ast
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import product

from tests.agent.code_tree import (
    ROOT,
    Function,
    Module,
    Scope,
    bindings,
    fields,
    is_function,
    parameters,
    read,
    returned,
    scoped,
    walked,
)

ROOMS = ("core", "data", "finetune", "knowledge", "launchers", "server", "serving", "tools")
TOLD = frozenset(
    ("message", "fix", "why", "reason", "how", "what", "title", "notes", "verdict", "advice")
) | {"cost", "text", "left_out", "tie", "strerror"}
"""Names under which people are told something."""
NOT_TOLD = frozenset(
    (
        "server.app",
        "server.cli",
        "server.setup",
        "server.serve",
        "server.health",
        "serving.gateway.shapes",
    )
) | {
    *("server.help_pages", "server.help_html", "finetune.export"),
    *("knowledge.chunks", "knowledge.html_text", "knowledge.builtin"),
}
"""Modules whose words a terminal, a page or a file shows, never the chat."""
ERRORS = ("ThimbleError", "RequestRefused", "ServiceFailed", "SettingsError")
BUILTIN = frozenset(name for kind in (str, list, dict, set) for name in dir(kind))
SAME = ("strip", "rstrip", "lstrip", "splitlines")
"""Methods of a text after which it still reads the same."""

HOLES = re.compile(r"\{(!r|:[^}\"]*)?\}")
NAME = re.compile(r"[\w-]*[._/@*\d][\w./@*-]*|[A-Z_0-9]+")


@dataclass(frozen=True)
class Text:
    """One text that the code can make."""

    template: str
    holes: tuple[frozenset["Text"], ...] = ()
    """For each hole the words of ours that can stand in it."""

    def __add__(self, other: "Text") -> "Text":
        return Text(self.template + other.template, self.holes + other.holes)

    @property
    def has_words(self) -> bool:
        """Whether it is more than holes, numbers and names, which are the same in each language."""
        bare = HOLES.sub("", self.template)
        return any(letter.isalpha() for letter in bare) and not NAME.fullmatch(self.template)


HOLE = (Text("{}", (frozenset(),)),)
"""A value that is not ours."""
OURS = Text("{}", (frozenset({Text("a sentence found elsewhere")}),))


Found = dict[Text, set[str]]
"""Each sentence with the modules it stands in."""


@cache
def found() -> Found:
    """All sentences of the rooms."""
    return Reader([read(path) for room in ROOMS for path in (ROOT / room).rglob("*.py")]).run()


class Reader:
    def __init__(self, modules: list[Module]) -> None:
        self.modules = {module.name: module for module in modules}
        self.found: Found = defaultdict(set)
        self.nodes = [pair for module in modules for pair in scoped(module)]
        self.methods: dict[str, list[tuple[Function, Scope]]] = defaultdict(list)
        self.scopes: dict[ast.AST, Scope] = {}
        self.calls: dict[ast.AST, list[tuple[ast.Call, Scope]]] = defaultdict(list)
        self.open: set[tuple[int, int | None]] = set()

    def run(self) -> Found:
        for node, scope in self.nodes:
            if isinstance(node, Function):
                self.scopes[node] = scope
                if scope.owner is not None:
                    self.methods[node.name].append((node, scope))
        for node, scope in self.nodes:
            if isinstance(node, ast.Call):
                for callee in self.callees(node.func, scope):
                    self.calls[callee].append((node, scope))
        for node, scope in self.nodes:
            if scope.module.name not in NOT_TOLD:
                for expression in self.told(node, scope):
                    for text in self.texts(expression, scope):
                        if text.has_words:
                            self.found[text].add(scope.module.name)
        return self.found

    # Where something is told

    def told(self, node: ast.AST, scope: Scope) -> Iterator[ast.expr]:
        match node:
            case ast.Call():
                yield from (word.value for word in node.keywords if word.arg in TOLD)
                yield from self.told_by_place(node, scope)
            case ast.Dict():
                for key, value in zip(node.keys, node.values, strict=True):
                    if isinstance(key, ast.Constant) and key.value in TOLD:
                        yield value
            case ast.Assign(targets=[ast.Attribute(attr=name)], value=value) if name in TOLD:
                yield value

    def told_by_place(self, call: ast.Call, scope: Scope) -> Iterator[ast.expr]:
        match call.func:
            case ast.Name(id=name) if name in ERRORS:
                yield from call.args[:1]
            case ast.Attribute(attr="note" | "_note"):
                yield from call.args[:1]
        for callee in self.callees(call.func, scope):
            if isinstance(callee, ast.ClassDef):
                for name, value in zip(fields(callee), call.args, strict=False):
                    if name in TOLD:
                        yield value

    # What an expression can be

    def texts(self, node: ast.AST, scope: Scope, part: int | None = None) -> list[Text]:
        """The texts that the expression can be; with `part`, that element of it as a tuple."""
        if (id(node), part) in self.open:
            return []
        self.open.add((id(node), part))
        try:
            return list(dict.fromkeys(self.all_texts(node, scope, part)))
        finally:
            self.open.remove((id(node), part))

    def all_texts(self, node: ast.AST, scope: Scope, part: int | None) -> Iterator[Text]:
        match node:
            case ast.Tuple() if part is not None:
                yield from self.texts(node.elts[part], scope)
            case ast.Constant(value=str(value)) if value:
                yield Text(value)
            case ast.JoinedStr():
                yield from self.joined(node, scope)
            case ast.BinOp(op=ast.Add()):
                sides = [self.side(node.left, scope), self.side(node.right, scope)]
                if any(text.has_words for side in sides for text in side):
                    yield from sums(sides)
            case ast.IfExp():
                yield from self.texts(node.body, scope, part)
                yield from self.texts(node.orelse, scope, part)
            case ast.BoolOp():
                for value in node.values:
                    yield from self.texts(value, scope, part)
            case ast.Starred() | ast.Await():
                yield from self.texts(node.value, scope, part)
            case ast.List() | ast.Tuple() | ast.Set():
                for value in node.elts:
                    yield from self.texts(value, scope)
            case ast.Dict():
                for value in node.values:
                    yield from self.texts(value, scope, part)
            case ast.ListComp() | ast.GeneratorExp() | ast.SetComp():
                yield from self.texts(node.elt, scope, part)
            case ast.DictComp():
                yield from self.texts(node.value, scope, part)
            case ast.Name():
                yield from self.named(node.id, scope, part)
            case ast.Attribute(attr=name) if name in TOLD:
                yield OURS
            case ast.Subscript(slice=ast.Constant(value=str(name))) if name in TOLD:
                yield OURS
            case ast.Subscript(value=value):
                yield from self.texts(value, scope, part)
            case ast.Call():
                yield from self.called(node, scope, part)

    def side(self, node: ast.expr, scope: Scope) -> list[Text]:
        if isinstance(node, ast.IfExp):
            return [*self.side(node.body, scope), *self.side(node.orelse, scope)]
        if isinstance(node, ast.Constant) and node.value == "":
            return [Text("")]
        return self.texts(node, scope) or [*HOLE]

    def joined(self, node: ast.JoinedStr, scope: Scope) -> Iterator[Text]:
        yield from sums([self.piece(value, scope) for value in node.values])

    def piece(self, node: ast.expr, scope: Scope) -> list[Text]:
        if isinstance(node, ast.Constant):
            return [Text(str(node.value))]
        assert isinstance(node, ast.FormattedValue)
        if isinstance(node.value, ast.IfExp) and written_out(node.value):
            return self.side(node.value, scope)
        if node.conversion == ord("r"):
            return [Text("{!r}", (frozenset(),))]
        if node.format_spec is not None:
            return [Text(f"{{:{ast.unparse(node.format_spec)[2:-1]}}}", (frozenset(),))]
        inside = self.texts(node.value, scope)
        return [Text("{}", (words_of(inside),))]

    def named(self, name: str, scope: Scope, part: int | None) -> Iterator[Text]:
        for at, function in enumerate(scope.functions):
            inner = Scope(scope.module, scope.functions[at:], scope.owner)
            bound = list(bindings(function, name))
            for value, position in bound:
                yield from self.bound(value, inner, position if position is not None else part)
            if name in parameters(function):
                yield from self.given(function, name)
                return
            if bound:
                return
        if name in scope.module.top:
            yield from self.texts(scope.module.top[name], Scope(scope.module), part)
        elif (target := self.imported(scope.module.imports.get(name, ""))) is not None:
            yield from self.texts(target[0], target[1], part)

    def bound(self, value: ast.AST, scope: Scope, part: int | None) -> Iterator[Text]:
        """What a name is; of a dictionary's items, keys (0) or values (1)."""
        match value:
            case (
                ast.Subscript(value=inner, slice=ast.Slice())
                | ast.Call(func=ast.Name(id="list"), args=[inner])
            ):
                yield from self.bound(inner, scope, part)
            case ast.Call(func=ast.Attribute(value=ast.Attribute(attr=name), attr="items")) if (
                name in TOLD and part == 1
            ):
                yield OURS
            case ast.Call(func=ast.Attribute(value=table, attr="items")):
                for entries in self.tables(table, scope):
                    for one in entries.keys if part == 0 else entries.values:
                        if one is not None:
                            yield from self.texts(one, scope)
            case _:
                yield from self.texts(value, scope, part)

    def tables(self, node: ast.AST, scope: Scope) -> Iterator[ast.Dict]:
        """The literal dictionaries that a name stands for."""
        match node:
            case ast.Dict():
                yield node
            case ast.Name(id=name):
                for function in scope.functions:
                    for value, _ in bindings(function, name):
                        yield from self.tables(value, scope)
                if name in scope.module.top:
                    yield from self.tables(scope.module.top[name], Scope(scope.module))

    def given(self, function: Function, name: str) -> Iterator[Text]:
        """What callers give for a parameter, and its default."""
        names = parameters(function)
        for call, scope in self.calls[function]:
            shift = 1 if names[0] in ("self", "cls") else 0
            at = names.index(name) - shift
            for word in call.keywords:
                if word.arg == name:
                    yield from self.texts(word.value, scope)
            if 0 <= at < len(call.args):
                yield from self.texts(call.args[at], scope)
        positional = function.args.args
        with_default = positional[len(positional) - len(function.args.defaults) :]
        for argument, value in zip(with_default, function.args.defaults, strict=True):
            if argument.arg == name:
                yield from self.texts(value, self.scopes[function])

    def called(self, call: ast.Call, scope: Scope, part: int | None) -> Iterator[Text]:
        match call.func:
            case ast.Attribute(value=ast.Constant(value=" "), attr="join"):
                yield from self.texts(call.args[0], scope)
            case ast.Attribute(attr="join"):
                if words := words_of(self.texts(call.args[0], scope)):
                    yield Text("{}", (words,))
            case ast.Attribute(value=value, attr="get" | "setdefault"):
                yield from self.texts(value, scope, part)
                for default in call.args[1:]:
                    yield from self.texts(default, scope, part)
            case ast.Attribute(value=value, attr=name) if name in SAME:
                yield from self.texts(value, scope, part)
            case ast.Name(id="list" | "tuple" | "str" | "next" | "dict" | "sorted"):
                for argument in call.args[:1]:
                    yield from self.texts(argument, scope, part)
            case _:
                for callee in self.callees(call.func, scope):
                    if isinstance(callee, Function):
                        inside = Scope(*self.inside(callee))
                        for value in returned(callee):
                            yield from self.texts(value, inside, part)

    def inside(
        self, function: Function
    ) -> tuple[Module, tuple[Function, ...], ast.ClassDef | None]:
        scope = self.scopes[function]
        return scope.module, (function, *scope.functions), scope.owner

    # What a name stands for

    def callees(self, node: ast.expr, scope: Scope) -> list[ast.AST]:
        match node:
            case ast.Name(id=name):
                nested: list[ast.AST] = [
                    n
                    for f in scope.functions
                    for n in walked(f)
                    if n is not f and is_function(n, name)
                ]
                return nested or self.top(scope.module, name)
            case ast.Attribute(value=ast.Name(id=alias), attr=name) if (
                scope.module.imports.get(alias) in self.modules
            ):
                return self.top(self.modules[scope.module.imports[alias]], name)
            case ast.Attribute(value=ast.Name(id="self"), attr=name) if scope.owner is not None:
                own = [n for n in scope.owner.body if is_function(n, name)]
                return [*own, *([] if own else self.methods_named(name))]
            case ast.Attribute(attr=name):
                return self.methods_named(name)
        return []

    def methods_named(self, name: str) -> list[ast.AST]:
        """Of objects that we do not know; names that many classes use say nothing."""
        methods = [function for function, _ in self.methods[name]]
        return methods if len(methods) <= 2 and name not in BUILTIN else []

    def top(self, module: Module, name: str) -> list[ast.AST]:
        node = module.top.get(name)
        if node is None and (target := self.imported(module.imports.get(name, ""))) is not None:
            node = target[0]
        return [node] if isinstance(node, Function | ast.ClassDef) else []

    def imported(self, dotted: str) -> tuple[ast.AST, Scope] | None:
        name, _, last = dotted.rpartition(".")
        module = self.modules.get(name)
        if module is None or last not in module.top:
            return None
        return module.top[last], Scope(module)


def written_out(node: ast.expr) -> bool:
    """A choice between texts that stand there in full."""
    if isinstance(node, ast.IfExp):
        return written_out(node.body) and written_out(node.orelse)
    return isinstance(node, ast.JoinedStr) or (
        isinstance(node, ast.Constant) and isinstance(node.value, str)
    )


def words_of(texts: Iterable[Text]) -> frozenset[Text]:
    """Those of ours among what can stand in a hole; the holes of a list are its items."""
    found: set[Text] = set()
    for text in texts:
        if text.template == "{}":
            found |= text.holes[0]
        elif text.has_words or any(text.holes):
            found.add(text)
    return frozenset(found)


def sums(choices: list[list[Text]]) -> Iterator[Text]:
    for combination in product(*choices):
        yield sum(combination, Text(""))
