"""Look at each term of each sum of a program, by rewriting the program's `+`, `-`, `+=` and `sum(…)`."""

import ast

import torch

is_functorch = torch._C._functorch.is_functorch_wrapped_tensor  # noqa: SLF001 (no public way to ask)


class Terms(ast.NodeTransformer):
    """Wrap what is added, so that each term of a sum can be looked at."""

    def probe(self, node):
        if isinstance(node, ast.Constant):
            return node
        place = [ast.Constant(node.lineno), ast.Constant(node.col_offset * 1000 + node.end_col_offset)]
        call = ast.Call(ast.Name("__term__", ast.Load()), [node, *place], [])
        return ast.fix_missing_locations(ast.copy_location(call, node))

    def visit_BinOp(self, node):
        self.generic_visit(node)
        if isinstance(node.op, (ast.Add, ast.Sub)):
            node.left, node.right = self.probe(node.left), self.probe(node.right)
        return node

    def visit_AugAssign(self, node):
        self.generic_visit(node)
        if isinstance(node.op, (ast.Add, ast.Sub)):
            node.value = self.probe(node.value)
        return node

    def visit_Call(self, node):
        self.generic_visit(node)
        if isinstance(node.func, ast.Name) and node.func.id == "sum" and len(node.args) == 1:
            node.args[0] = self.probe(node.args[0])
        return node


def leaves_of(node):
    """The leaves below a grad_fn."""
    todo, seen, found = [node], set(), []
    while todo:
        at = todo.pop()
        if at is None or at in seen:
            continue
        seen.add(at)
        if hasattr(at, "variable"):
            found.append(at.variable)
        todo += [n for n, _ in at.next_functions]
    return found


def is_alive(value):
    """Whether a scalar has a gradient that is not exactly zero to some leaf (unknown counts as alive)."""
    if not value.requires_grad:
        return False
    leaves = [value] if value.grad_fn is None else leaves_of(value.grad_fn)
    try:
        grads = torch.autograd.grad(value, leaves, retain_graph=True, allow_unused=True)
    except RuntimeError:
        return True  # reentrant checkpoints, and graphs whose buffers were freed
    return any(g is not None and bool(g.count_nonzero()) for g in grads)


def term_probe(terms):
    """A function that notes in `terms`, per (line, place in it), whether a term was ever alive."""

    def probe(value, line, place):
        if isinstance(value, torch.Tensor):
            if value.ndim == 0 and not is_functorch(value):
                terms[line, place] = terms.get((line, place), False) or is_alive(value)
        elif isinstance(value, float):
            terms.setdefault((line, place), False)
        elif isinstance(value, (list, tuple)) or hasattr(value, "__next__"):  # what `sum` takes
            value = list(value)
            for i, item in enumerate(value):
                probe(item, line, (place + 1) * 1000 + i)
        return value

    return probe
