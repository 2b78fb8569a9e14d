"""LLVM IR of one function: statements. Evaluation order is Python's."""

import ast
from typing import Any

from .data import align_of, is_aggregate, sizeof
from .emit import llvm_type
from .emit_call import CallEmitter
from .function import FwFunction

__all__ = ["FunctionEmitter"]


class FunctionEmitter(CallEmitter):
    """Emits a checked function; ``run`` gives its lines."""

    def run(self) -> list[str]:
        """The lines between the braces."""
        self.at(self.function.tree)
        for name, kind in self.checked.locals.items():
            if is_aggregate(kind):
                self.reserve(f"%{name}", f"[{sizeof(kind)} x i8]", max(align_of(kind), 1))
            elif isinstance(kind, type):
                self.reserve(f"%{name}", llvm_type(kind))
        for number, (name, kind) in enumerate(self.checked.parameters):
            self.line(f"store {llvm_type(kind)} %arg.{number}, ptr %{name}")
        self.loops: list[tuple[str, str]] = []
        self.block(self.function.tree.body)
        if self.open:
            self.at(self.function.tree)
            if self.checked.result is None and not self.function.noreturn:
                self.end("ret void")
            else:
                self.end("unreachable")
        return ["entry.0:", *self.reserved, *self.lines]

    def block(self, body: list[ast.stmt]) -> None:
        """Emit statements in order; what follows a return or break is dropped."""
        for statement in body:
            if not self.open:
                return
            self.at(statement)
            getattr(self, f"_{type(statement).__name__}")(statement)

    def _Pass(self, node: ast.Pass) -> None:
        pass

    def _Expr(self, node: ast.Expr) -> None:
        if isinstance(node.value, ast.Constant):
            return
        self.value(node.value)
        assert isinstance(node.value, ast.Call)
        called = self.checked.objects.get(node.value.func)
        if isinstance(called, FwFunction) and called.noreturn:
            self.end("unreachable")

    # --- assignment ---
    def _AnnAssign(self, node: ast.AnnAssign) -> None:
        assert isinstance(node.target, ast.Name)
        kind = self.checked.locals[node.target.id]
        if is_aggregate(kind):
            self.fill(f"%{node.target.id}", "0", str(sizeof(kind)), align_of(kind))
        elif node.value is not None:
            self.line(f"store {llvm_type(kind)} {self.value(node.value)}, ptr %{node.target.id}")

    def _Assign(self, node: ast.Assign) -> None:
        target = node.targets[0]
        if isinstance(node.value, ast.Call) and is_aggregate(self.checked.objects.get(node.value.func)):
            assert isinstance(target, ast.Name)
            kind = self.checked.locals[target.id]
            self.fill(f"%{target.id}", "0", str(sizeof(kind)), align_of(kind))
            return
        value = self.value(node.value)
        if isinstance(target, ast.Tuple):
            kinds = self.kind(node.value)
            for number, part in enumerate(target.elts):
                assert isinstance(part, ast.Name)
                item = self.let(f"extractvalue {llvm_type(kinds)} {value}, {number}")
                self.line(f"store {llvm_type(kinds[number])} {item}, ptr %{part.id}")
        else:
            self.assign(target, value)

    def assign(self, target: ast.expr, value: str) -> None:
        """Store a value that has been computed; the target is evaluated now."""
        if isinstance(target, ast.Name):
            self.line(f"store {llvm_type(self.checked.locals[target.id])} {value}, ptr %{target.id}")
        elif (number := self.csr_number(target)) is not None:
            self.csr_write("csrw", number, value)
        else:
            self.store(self.checked.types[target], self.address(target), value)

    def _AugAssign(self, node: ast.AugAssign) -> None:
        kind = self.checked.types[node.target]
        number = self.csr_number(node.target)
        if number is not None and isinstance(node.op, ast.BitOr | ast.BitAnd):
            value = self.value(node.value)
            if isinstance(node.op, ast.BitAnd):
                value = self.inverse(value, kind)
            self.csr_write("csrs" if isinstance(node.op, ast.BitOr) else "csrc", number, value)
            return
        if isinstance(node.target, ast.Name):
            address, old = f"%{node.target.id}", self.value(node.target)
        elif number is not None:
            address, old = "", self.csr_read(number)
        else:
            address = self.address(node.target)
            old = self.load(kind, address)
        new = self.binary(node.op, kind, old, self.kind(node.value), self.value(node.value))
        if isinstance(node.target, ast.Name):
            self.line(f"store {llvm_type(kind)} {new}, ptr {address}")
        elif number is not None:
            self.csr_write("csrw", number, new)
        else:
            self.store(kind, address, new)

    # --- control flow ---
    def _Return(self, node: ast.Return) -> None:
        if node.value is None:
            self.end("ret void")
            return
        result = self.checked.result
        if isinstance(node.value, ast.Tuple):
            values = [self.value(part) for part in node.value.elts]
            built = "poison"
            for number, (kind, value) in enumerate(zip(result, values, strict=True)):
                built = self.let(
                    f"insertvalue {llvm_type(result)} {built}, {llvm_type(kind)} {value}, {number}"
                )
            self.end(f"ret {llvm_type(result)} {built}")
            return
        value = self.value(node.value)
        self.end("ret void" if result is None else f"ret {llvm_type(result)} {value}")

    def _If(self, node: ast.If) -> None:
        if node.test in self.checked.consts:
            self.block(node.body if self.checked.consts[node.test] else node.orelse)
            return
        then, other, after = self.label("then"), self.label("else"), self.label("endif")
        self.branch(node.test, then, other)
        for label, body in ((then, node.body), (other, node.orelse)):
            self.begin(label)
            self.block(body)
            self.jump(after)
        self.begin(after)

    def _While(self, node: ast.While) -> None:
        test, body, after = self.label("while"), self.label("body"), self.label("endwhile")
        self.jump(test)
        self.begin(test)
        self.branch(node.test, body, after)
        self.begin(body)
        self.loops.append((test, after))
        self.block(node.body)
        self.loops.pop()
        self.jump(test)
        self.begin(after)

    def _For(self, node: ast.For) -> None:
        assert isinstance(node.iter, ast.Call) and isinstance(node.target, ast.Name)
        kind = self.checked.locals[node.target.id]
        form = llvm_type(kind)
        bounds = [self.value(bound) for bound in node.iter.args[:2]]
        start, stop = bounds if len(bounds) == 2 else ("0", bounds[0])
        step = self.checked.consts[node.iter.args[2]] if len(node.iter.args) == 3 else 1
        counter = self.temporary(form)
        self.line(f"store {form} {start}, ptr {counter}")
        test, body, step_label = self.label("for"), self.label("body"), self.label("step")
        advance, after = self.label("advance"), self.label("endfor")
        self.jump(test)
        self.begin(test)
        now = self.let(f"load {form}, ptr {counter}")
        order = ("s" if kind.SIGNED else "u") + ("lt" if step > 0 else "gt")
        more = self.let(f"icmp {order} {form} {now}, {stop}")
        self.end(f"br i1 {more}, label %{body}, label %{after}")
        self.begin(body)
        self.line(f"store {form} {now}, ptr %{node.target.id}")
        self.loops.append((step_label, after))
        self.block(node.body)
        self.loops.pop()
        self.jump(step_label)
        self.begin(step_label)
        if abs(step) != 1:  # the next value may lie beyond the type: stop if the rest is a step or less
            low, high = (now, stop) if step > 0 else (stop, now)
            rest = self.let(f"sub {form} {high}, {low}")
            last = self.let(f"icmp ule {form} {rest}, {abs(step)}")
            self.end(f"br i1 {last}, label %{after}, label %{advance}")
            self.begin(advance)
        self.line(f"store {form} {self.let(f'add {form} {now}, {step}')}, ptr {counter}")
        self.jump(test)
        self.begin(after)

    def _Break(self, node: ast.Break) -> None:
        self.jump(self.loops[-1][1])

    def _Continue(self, node: ast.Continue) -> None:
        self.jump(self.loops[-1][0])

    def _Match(self, node: ast.Match) -> None:
        subject, form = self.value(node.subject), llvm_type(self.kind(node.subject))
        after = self.label("endmatch")
        if any(case.guard for case in node.cases):
            self._compare_cases(node, subject, form, after)
            return
        labels = [self.label("case") for _ in node.cases]
        default, arms = after, []
        for case, label in zip(node.cases, labels, strict=True):
            for value in _pattern_values(case.pattern):
                if value is None:
                    default = label
                else:
                    arms.append(f"{form} {self.checked.consts[value]}, label %{label}")
        self.end(f"switch {form} {subject}, label %{default} [ {' '.join(arms)} ]")
        for case, label in zip(node.cases, labels, strict=True):
            self.begin(label)
            self.block(case.body)
            self.jump(after)
        self.begin(after)

    def _compare_cases(self, node: ast.Match, subject: str, form: str, after: str) -> None:
        for case in node.cases:
            body, following = self.label("case"), self.label("nextcase")
            tried = self.label("guard") if case.guard else body
            for value in _pattern_values(case.pattern):
                if value is None:
                    self.jump(tried)
                    break
                same = self.let(f"icmp eq {form} {subject}, {self.checked.consts[value]}")
                another = self.label("or")
                self.end(f"br i1 {same}, label %{tried}, label %{another}")
                self.begin(another)
            self.jump(following)
            if case.guard:
                self.begin(tried)
                self.branch(case.guard, body, following)
            self.begin(body)
            self.block(case.body)
            self.jump(after)
            self.begin(following)
        self.jump(after)
        self.begin(after)


def _pattern_values(pattern: ast.pattern) -> list[Any]:
    """The constants that a pattern matches; None for everything."""
    if isinstance(pattern, ast.MatchOr):
        return [value for part in pattern.patterns for value in _pattern_values(part)]
    return [pattern.value] if isinstance(pattern, ast.MatchValue) else [None]
