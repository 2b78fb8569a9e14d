"""Type checking of functions: statements, local variables, definite assignment, reachability."""

import ast
from typing import Any

from .check_call import CallChecker
from .check_const import assigned_names
from .checked import ERROR, LITERAL, Checked, is_int, is_pointer
from .data import element, is_aggregate, is_scalar, is_struct, ptr, type_name
from .diagnostics import CompileError
from .function import FwFunction
from .integers import u64
from .intrinsics import CsrNamespace

__all__ = ["check", "checked"]


def check(function: FwFunction) -> Checked:
    """Type a function; errors are in the result's ``problems``."""
    if function.found is None:
        function.found = _FunctionChecker(function).run()
    found: Checked = function.found
    return found


def checked(function: FwFunction) -> Checked:
    """Type a function; CompileError if it has errors."""
    found = check(function)
    if found.problems:
        raise CompileError(found.problems)
    return found


class _FunctionChecker(CallChecker):
    def run(self) -> Checked:
        tree = self.function.tree
        parameters = dict(self.parameters)
        self.local_names = set(parameters) | assigned_names(tree)
        self.out.locals.update(parameters)
        self.assigned = set(parameters)
        self.loops: list[list[set[str] | None]] = []
        if self.function.extern:
            return self.out
        self.block(tree.body)
        if self.assigned is not None:
            if self.function.noreturn:
                self.complain(tree, f"{self.function.name} is noreturn but can reach its end")
            elif self.result is not None:
                self.complain(tree, f"{self.function.name} can reach its end without a return")
        return self.out

    def block(self, body: list[ast.stmt]) -> None:
        """Check statements in order."""
        for statement in body:
            method = getattr(self, f"_{type(statement).__name__}", None)
            if method is None:
                self.complain(statement, f"{type(statement).__name__.lower()} is not in the language")
            else:
                method(statement)

    def _Pass(self, node: ast.Pass) -> None:
        pass

    # --- assignment ---
    def _Expr(self, node: ast.Expr) -> None:
        if isinstance(node.value, ast.Constant):
            return
        if not isinstance(node.value, ast.Call):
            self.complain(node, "an expression statement does nothing", "call a function or assign")
            return
        self.expr(node.value)
        called = self.out.objects.get(node.value.func)
        if isinstance(called, FwFunction) and called.noreturn:
            self.assigned = None

    def _AnnAssign(self, node: ast.AnnAssign) -> None:
        kind = self.evaluate(node.annotation)
        if kind is ERROR:
            return
        if isinstance(kind, str):
            kind = self.evaluate(ast.parse(kind, mode="eval").body)
        if not isinstance(node.target, ast.Name):
            self.complain(node, "only a local variable is annotated")
        elif is_aggregate(kind):
            if node.value is not None and self._construction(node.value) is not kind:
                self.complain(node.value, "aggregates are not copied by assignment", "use memcpy")
            self._declare(node.target, kind)
        elif not is_scalar(kind):
            self.complain(node.annotation, f"a variable cannot be {type_name(kind)}")
        elif self._is_free(node.target, kind):
            self.out.locals[node.target.id] = kind
            if node.value is not None:
                self.expr(node.value)
                self.coerce(node.value, kind)
                self.bind(node.target.id)

    def _construction(self, node: ast.expr) -> Any:
        """The aggregate type of ``array[u8, 4]()`` or ``Struct()``; None for anything else."""
        if not isinstance(node, ast.Call) or node.args or node.keywords or not self.is_constant(node.func):
            return None
        kind = self.constant(node.func)
        if not is_aggregate(kind):
            return None
        self.out.objects[node.func] = kind
        return kind

    def _is_free(self, target: ast.Name, kind: Any) -> bool:
        known = self.out.locals.get(target.id, kind)
        if known is not kind:
            self.complain(target, f"{target.id} is {type_name(known)} already", "use another name")
        return bool(known is kind)

    def _declare(self, target: ast.Name, kind: Any) -> None:
        """A local aggregate."""
        if self._is_free(target, kind):
            self.out.locals[target.id] = kind
            self.bind(target.id)

    def bind(self, name: str) -> None:
        """Note that a local has a value from here on."""
        if self.assigned is not None:
            self.assigned = self.assigned | {name}

    def _Assign(self, node: ast.Assign) -> None:
        target = node.targets[0]
        if isinstance(target, ast.Name) and (made := self._construction(node.value)) is not None:
            self._declare(target, made)
            return
        kind = self.expr(node.value)
        if len(node.targets) > 1:
            self.complain(node, "one target for each assignment")
        elif isinstance(target, ast.Tuple):
            self._unpack(target, node.value, kind)
        elif isinstance(target, ast.Name):
            self._assign_name(target, node.value, kind)
        else:
            wanted = self.place(target)
            if is_aggregate(wanted) or (is_pointer(wanted) and self._stores_struct(target)):
                self.complain(node, "aggregates are not copied by assignment", "use memcpy")
            elif wanted is not ERROR:
                self.coerce(node.value, wanted)

    def _stores_struct(self, target: ast.expr) -> bool:
        return isinstance(target, ast.Attribute | ast.Subscript) and self.is_struct_place(target)

    def place(self, target: ast.expr) -> Any:
        """Type of an attribute or element to assign to."""
        if not isinstance(target, ast.Attribute | ast.Subscript):
            return self.complain(target, f"cannot assign to a {type(target).__name__}")
        base = target.value
        if self.is_constant(base) and isinstance(self.constant(base), CsrNamespace):
            kind = self.csr_name(target, write=True) if isinstance(target, ast.Attribute) else ERROR
            self.out.types[target] = kind
            return kind
        kind = self.expr(target)
        if target in self.out.consts:
            return self.complain(target, "cannot assign to a constant", "make it static(...)")
        return kind

    def _assign_name(self, target: ast.Name, value: ast.expr, kind: Any) -> None:
        name = target.id
        known = self.out.locals.get(name)
        if known is None and kind is not ERROR:
            if kind is LITERAL:
                hint = f"write {name}: u64 = {ast.unparse(value)}"
                self.complain(target, f"the type of {name} is not known", hint)
                known = ERROR
            elif kind is None or isinstance(kind, tuple):
                self.complain(value, f"{name} cannot be {type_name(kind)}")
                known = ERROR
            else:
                known = ptr[element(kind)] if is_aggregate(kind) and is_scalar(element(kind)) else kind
        if known is not None and is_aggregate(known):
            self.complain(value, "aggregates are not copied by assignment", "use memcpy")
        elif known is not None:
            self.coerce(value, known)
        self.out.locals[name] = ERROR if known is None else known
        self.bind(name)

    def _unpack(self, target: ast.Tuple, value: ast.expr, kind: Any) -> None:
        if kind is ERROR:
            kinds: tuple[Any, ...] = (ERROR,) * len(target.elts)
        elif isinstance(kind, tuple) and len(kind) == len(target.elts):
            kinds = kind
        else:
            count = len(target.elts)
            self.complain(value, f"{count} values expected, not {type_name(kind)}")
            kinds = (ERROR,) * count
        for part, given in zip(target.elts, kinds, strict=True):
            if not isinstance(part, ast.Name):
                self.complain(part, "a result is unpacked into local variables only")
                continue
            known = self.out.locals.setdefault(part.id, given)
            if known is not given and ERROR not in (known, given):
                self.complain(part, f"{part.id} is {type_name(known)}, not {type_name(given)}")
            self.bind(part.id)

    def _AugAssign(self, node: ast.AugAssign) -> None:
        if isinstance(node.target, ast.Name):
            if node.target.id not in self.local_names:
                return
            kind = self._Name(node.target)
            if is_aggregate(kind) or is_struct(self.out.locals.get(node.target.id)):
                self.complain(node, f"{node.target.id} cannot change", "it is memory, not a pointer")
                return
        else:
            kind = self.place(node.target)
        other = self.expr(node.value)
        self.out.types[node.target] = kind
        result = self.binary(node, node.target, kind, node.op, node.value, other)
        if result not in (ERROR, kind):
            self.complain(node, f"{type_name(kind)} expected, not {type_name(result)}")

    # --- control flow ---
    def _Return(self, node: ast.Return) -> None:
        if self.function.noreturn:
            self.complain(node, f"{self.function.name} is noreturn")
        elif node.value is None:
            if self.result is not None:
                self.complain(node, f"{type_name(self.result)} expected, not None")
        elif isinstance(node.value, ast.Tuple) and isinstance(self.result, tuple):
            self._return_tuple(node.value, self.result)
        else:
            self.expr(node.value)
            self.coerce(node.value, self.result)
        self.assigned = None

    def _return_tuple(self, value: ast.Tuple, result: tuple[Any, ...]) -> None:
        if len(value.elts) != len(result):
            self.complain(value, f"{len(result)} values expected, not {len(value.elts)}")
            return
        for part, kind in zip(value.elts, result, strict=True):
            self.expr(part)
            self.coerce(part, kind)
        self.out.types[value] = result

    def _If(self, node: ast.If) -> None:
        self.expr(node.test)
        self.condition(node.test)
        if node.test in self.out.consts:
            self.block(node.body if self.out.consts[node.test] else node.orelse)
            return
        before = self.assigned
        self.block(node.body)
        after, self.assigned = self.assigned, before
        self.block(node.orelse)
        self.assigned = _meet(after, self.assigned)

    def _While(self, node: ast.While) -> None:
        if node.orelse:
            self.complain(node.orelse[0], "else of a loop is not in the language")
        self.expr(node.test)
        self.condition(node.test)
        endless = self.out.consts.get(node.test) is True
        before = self.assigned
        self.loops.append([])
        self.block(node.body)
        self.assigned = None if endless else before
        for state in self.loops.pop():
            self.assigned = _meet(self.assigned, state)

    def _For(self, node: ast.For) -> None:
        kind = self._range(node)
        if not isinstance(node.target, ast.Name):
            self.complain(node.target, "the loop variable is one name")
            return
        if node.orelse:
            self.complain(node.orelse[0], "else of a loop is not in the language")
        name = node.target.id
        known = self.out.locals.setdefault(name, kind)
        if known is not kind and ERROR not in (known, kind):
            self.complain(node.target, f"{name} is {type_name(known)}, not {type_name(kind)}")
        before = self.assigned
        self.bind(name)
        self.loops.append([])
        self.block(node.body)
        self.assigned = before
        for state in self.loops.pop():
            self.assigned = _meet(self.assigned, state)

    def _range(self, node: ast.For) -> Any:
        call = node.iter
        is_range = isinstance(call, ast.Call) and self.is_constant(call.func)
        if not is_range or self.constant(call.func) is not range:  # type: ignore[attr-defined]
            return self.complain(call, "a for loop iterates over range(...)")
        assert isinstance(call, ast.Call)
        if not 1 <= len(call.args) <= 3 or call.keywords:
            return self.complain(call, "range takes 1 to 3 arguments")
        bounds = call.args[:2]
        kinds = [self.expr(bound) for bound in bounds]
        typed = [kind for kind in kinds if kind is not LITERAL]
        known = self.out.locals.get(getattr(node.target, "id", ""), u64)
        kind = typed[0] if typed else known
        if ERROR in kinds:
            return ERROR
        if not is_int(kind):
            return self.complain(call, f"range counts integers, not {type_name(kind)}")
        for bound in bounds:
            self.coerce(bound, kind)
        if len(call.args) == 3:
            self.expr(call.args[2])
            step = self.out.consts.get(call.args[2])
            if not isinstance(step, int) or step == 0 or abs(step) > kind.largest():
                return self.complain(call.args[2], "the step is a constant other than 0 that fits the type")
        return kind

    def _Break(self, node: ast.Break) -> None:
        if self.loops:
            self.loops[-1].append(self.assigned)
        self.assigned = None

    def _Continue(self, node: ast.Continue) -> None:
        self.assigned = None

    def _Match(self, node: ast.Match) -> None:
        kind = self.expr(node.subject)
        if kind is LITERAL:
            kind = self.complain(node.subject, "the subject of match is a constant")
        elif kind is not ERROR and not is_int(kind):
            kind = self.complain(node.subject, f"match takes an integer, not {type_name(kind)}")
        before, after = self.assigned, None
        seen: set[int] = set()
        complete = False
        for case in node.cases:
            self.assigned = before
            if complete:
                self.complain(case.pattern, "this case cannot be reached")
            is_default = self._pattern(case.pattern, kind, seen, case.guard is not None)
            if case.guard is not None:
                self.expr(case.guard)
                self.condition(case.guard)
            complete = complete or (is_default and case.guard is None)
            self.block(case.body)
            after = _meet(after, self.assigned)
        self.assigned = after if complete else _meet(after, before)

    def _pattern(self, pattern: ast.pattern, kind: Any, seen: set[int], guarded: bool) -> bool:
        """Check a pattern; whether it matches everything."""
        if isinstance(pattern, ast.MatchOr):
            parts = [self._pattern(part, kind, seen, guarded) for part in pattern.patterns]
            return any(parts)
        if isinstance(pattern, ast.MatchAs) and pattern.pattern is None:
            if pattern.name is not None:
                hint = "a constant in a case is dotted: case module.NAME"
                self.complain(pattern, f"the name {pattern.name} would capture the value", hint)
            return True
        if not isinstance(pattern, ast.MatchValue):
            self.complain(pattern, "a case is an integer constant, | or _")
            return False
        if self.expr(pattern.value) is LITERAL and kind is not ERROR:
            self.literal(pattern.value, kind)
            value = self.out.consts[pattern.value]
            if value in seen:
                self.complain(pattern, f"the case {value} stands here a second time")
            if not guarded:
                seen.add(value)
        elif self.out.types[pattern.value] is not ERROR and kind is not ERROR:
            self.coerce(pattern.value, kind)
            if pattern.value not in self.out.consts:
                self.complain(pattern, "a case is a constant")
        return False


def _meet(a: set[str] | None, b: set[str] | None) -> set[str] | None:
    """What is assigned where two paths join; None is a path that is never taken."""
    if a is None or b is None:
        return b if a is None else a
    return a & b
