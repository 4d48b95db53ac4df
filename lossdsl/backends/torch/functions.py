"""The autograd.Functions of an emitted module: value and gradient in closed form, differentiable twice.

The first computes the value, and in the same pass the gradient if one will be asked for; its backward is the second,
which scales that gradient (or computes it, for an upstream gradient per element) and whose backward is a
Hessian-vector product.  Forward mode stands in subclasses, since torch.compile does not trace a Function that has it.
"""

from __future__ import annotations

from lossdsl.backends.torch.layout import INDENT, docstring, indented, listed
from lossdsl.backends.torch.programs import Programs

STATIC = "@staticmethod"


def function_classes(programs: Programs, name: str) -> list[str]:
    """The texts of four classes: `_NAMEFunction`, `_NAMEGradient`, and each with forward mode."""
    return [*_value_classes(programs, f"_{name}"), *_gradient_classes(programs, f"_{name}")]


def _class(name: str, base: str, doc: str, methods: list[list[str]], vmap: bool = False) -> str:
    lines = [f"class {name}({base}):", *indented(docstring(doc)), ""]
    if vmap:
        lines += [f"{INDENT}generate_vmap_rule = True", ""]
    for method in methods:
        lines += [*indented([STATIC, *method]), ""]
    return "\n".join(lines).rstrip("\n")


def _method(signature: str, result: str, *body: str) -> list[str]:
    return [f"def {signature} -> {result}:", *indented(body)]


def _remember(programs: Programs, first: int, count: int, outputs: bool) -> list[str]:
    """setup_context: the tensors that come first are saved, and the numbers behind them are kept."""
    ctx, inputs, output = programs.local.ctx, programs.local.inputs, programs.local.output
    saved = f"*{inputs}[:{count}]" + (f", *{output}[1:]" if outputs else "")
    return _method(
        f"setup_context({ctx}: Any, {inputs}: Any, {output}: Any)",
        "None",
        f"{ctx}.numbers = {inputs}[{first}:{first + len(programs.numbers)}]",
        *([f"{ctx}.set_materialize_grads(False)", f"{ctx}.mark_non_differentiable(*{output}[1:])"] if outputs else []),
        f"{ctx}.save_for_backward({saved})",
        f"{ctx}.save_for_forward({saved})",
    )


def _unpacked(programs: Programs) -> list[str]:
    """Statements of backward and jvp that take the numbers back from the context."""
    ctx, numbers = programs.local.ctx, programs.numbers
    return [f"{', '.join(numbers)}{',' if len(numbers) == 1 else ''} = {ctx}.numbers"] if numbers else []


def _directions(programs: Programs, tangents: str) -> str:
    """The directions of forward mode, as text: one per differentiable tensor."""
    return f"[_along(t, x) for t, x in zip({tangents}, {listed(programs.differentiable)})]"


def _value_classes(programs: Programs, name: str) -> list[str]:
    local, tensors = programs.local, programs.tensors
    ctx, grads = local.ctx, local.grads
    count, wrt = len(tensors), len(programs.differentiable)
    rest = ", ".join(["None"] * (count - wrt + len(programs.numbers) + 1))
    forward = _method(
        f"forward({programs.signature(f'{local.with_gradient}: bool')})",
        "Any",
        f"return _value_and_gradient({programs.call}, None, {local.with_gradient})",
    )
    backward = _method(
        f"backward({ctx}: Any, {local.upstream}: Any, *_: Any)",
        "Any",
        f"if {local.upstream} is None:",
        f"{INDENT}return (None,) * {count + len(programs.numbers) + 1}",
        f"{local.tensors} = {ctx}.saved_tensors[:{count}]",
        f"{grads} = {ctx}.saved_tensors[{count}:] or {listed(['None'] * wrt)}",
        f"{local.function}: Any = {name}Gradient if torch.compiler.is_compiling() else {name}GradientForwardMode",
        f"{grads} = {local.function}.apply({local.upstream}, *{local.tensors}, *{grads}, *{ctx}.numbers)",
        f"return *{grads}, {rest}",
    )
    jvp = _method(
        f"jvp({ctx}: Any, *{local.tangents}: Any)",
        "Any",
        f"{', '.join(tensors)}, *{grads} = {ctx}.saved_tensors",
        *_unpacked(programs),
        f"{local.vectors} = {_directions(programs, local.tangents)}",
        f"return *_second_order({programs.call}, None, *{local.vectors}), *[None] * len({grads})",
    )
    first = _class(
        f"{name}Function",
        "torch.autograd.Function",
        "The value, and its gradient in the same pass.",
        [forward, _remember(programs, count, count, outputs=True), backward],
        vmap=True,
    )
    second = _class(f"{name}ForwardMode", f"{name}Function", "The same, with forward mode.", [jvp])
    return [first, second]


def _gradient_classes(programs: Programs, name: str) -> list[str]:
    local, tensors = programs.local, programs.tensors
    ctx, upstream = local.ctx, local.upstream
    count, wrt = len(tensors), len(programs.differentiable)
    grads = programs.grads
    parameters = [f"{upstream}: torch.Tensor", *(f"{arg}: torch.Tensor" for arg in tensors)]
    parameters += [f"{grad}: torch.Tensor | None" for grad in grads]
    parameters += [f"{n}: {'str' if n == 'reduction' else 'float'}" for n in programs.numbers]
    forward = _method(
        f"forward({', '.join(parameters)})",
        "Any",
        f"if {' and '.join(f'{grad} is not None' for grad in grads)}:",
        f"{INDENT}return {listed([f'{upstream} * {grad}' for grad in grads])}",
        f"return _value_and_gradient({programs.call}, {upstream}, True)[1:]",
    )
    rest = ", ".join(["None"] * (count + len(programs.numbers)))
    saved = f"{', '.join([upstream, *tensors])} = {ctx}.saved_tensors"
    backward = _method(
        f"backward({ctx}: Any, *{local.vectors}: Any)",
        "Any",
        saved,
        *_unpacked(programs),
        f"return *_second_order({programs.call}, {upstream}, *{local.vectors}), {rest}",
    )
    jvp = _method(
        f"jvp({ctx}: Any, *{local.tangents}: Any)",
        "Any",
        saved,
        *_unpacked(programs),
        f"{local.vectors} = {_directions(programs, local.tangents + '[1:]')}",
        f"{local.products} = _second_order({programs.call}, {upstream}, *{local.vectors})[1:]",
        f"if {local.tangents}[0] is None:",
        f"{INDENT}return {local.products}",
        f"{local.grads} = _value_and_gradient({programs.call}, {local.tangents}[0], True)[1:]",
        f"return tuple(p + g for p, g in zip({local.products}, {local.grads}))",
    )
    first = _class(
        f"{name}Gradient",
        "torch.autograd.Function",
        "What arrives from above times the gradient; its backward is a Hessian-vector product.",
        [forward, _remember(programs, 1 + count + wrt, 1 + count, outputs=False), backward],
        vmap=True,
    )
    second = _class(f"{name}GradientForwardMode", f"{name}Gradient", "The same, with forward mode.", [jvp])
    return [first, second]
