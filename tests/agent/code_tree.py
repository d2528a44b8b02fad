"""Code as a tree: modules, what is defined and imported in them, and where an expression stands."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Module:
    name: str
    tree: ast.Module
    imports: dict[str, str]
    """Alias to dotted name."""
    top: dict[str, ast.AST]
    """Functions, classes and constants by name."""


@dataclass(frozen=True)
class Scope:
    """Where an expression stands."""

    module: Module
    functions: tuple[Function, ...] = ()
    """The functions around it, the innermost first."""
    owner: ast.ClassDef | None = None


def read(path: Path) -> Module:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    return Module(name, tree, dict(imports(tree)), dict(defined(tree)))


def imports(tree: ast.Module) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                yield alias.asname or alias.name, f"{node.module}.{alias.name}"


def defined(tree: ast.Module) -> Iterator[tuple[str, ast.AST]]:
    for node in tree.body:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                yield node.name, node
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                yield name, value
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                yield name, value


def scoped(module: Module) -> Iterator[tuple[ast.AST, Scope]]:
    """Every node with the functions and the class around it."""

    def inside(node: ast.AST, scope: Scope) -> Iterator[tuple[ast.AST, Scope]]:
        for child in ast.iter_child_nodes(node):
            yield child, scope
            match child:
                case ast.FunctionDef() | ast.AsyncFunctionDef():
                    inner = Scope(module, (child, *scope.functions), scope.owner)
                case ast.ClassDef():
                    inner = Scope(module, scope.functions, child)
                case _:
                    inner = scope
            yield from inside(child, inner)

    yield from inside(module.tree, Scope(module))


@cache
def walked(node: ast.AST) -> tuple[ast.AST, ...]:
    """The node and all below it."""
    return tuple(ast.walk(node))


def bindings(function: Function, name: str) -> Iterator[tuple[ast.AST, int | None]]:
    """What a local name is bound to, and for tuples which element of that."""
    for node in walked(function):
        match node:
            case ast.Assign(targets=[target], value=value):
                yield from bound_in(target, value, name)
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                yield from bound_in(target, value, name)
            case (
                ast.AugAssign(target=target, value=value)
                | ast.NamedExpr(target=target, value=value)
            ):
                yield from bound_in(target, value, name)
            case ast.For(target=target, iter=value) | ast.comprehension(target=target, iter=value):
                yield from bound_in(target, value, name)
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id=known), attr="append" | "extend"),
                args=[value],
            ) if known == name:
                yield value, None


def bound_in(target: ast.expr, value: ast.AST, name: str) -> Iterator[tuple[ast.AST, int | None]]:
    match target:
        case ast.Name(id=known) if known == name:
            yield value, None
        case ast.Tuple(elts=elements):
            for at, element in enumerate(elements):
                if isinstance(element, ast.Name) and element.id == name:
                    yield value, at


def returned(function: Function) -> Iterator[ast.expr]:
    own = {
        id(n)
        for f in ast.walk(function)
        if f is not function and isinstance(f, Function)
        for n in ast.walk(f)
    }
    for node in walked(function):
        if isinstance(node, ast.Return) and node.value is not None and id(node) not in own:
            yield node.value


def parameters(function: Function) -> list[str]:
    given = function.args
    return [one.arg for one in (*given.posonlyargs, *given.args, *given.kwonlyargs)]


def fields(owner: ast.ClassDef) -> list[str]:
    return [
        node.target.id
        for node in owner.body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
    ]


def is_function(node: ast.AST, name: str) -> bool:
    return isinstance(node, Function) and node.name == name
