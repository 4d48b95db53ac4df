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
        *([f"{ctx}.mark_non_differentiable(*{output}[1:])"] if outputs else []),
        f"{ctx}.save_for_backward({saved})",
        f"{ctx}.save_for_forward({saved})",
    )


def _value_classes(programs: Programs, name: str) -> list[str]:
    local = programs.local
    ctx, grads = local.ctx, local.grads
    count, wrt = len(programs.tensors), len(programs.differentiable)
    rest = ", ".join(["None"] * (count - wrt + len(programs.numbers) + 1))
    forward = _method(
        f"forward({programs.signature(f'{local.with_gradient}: bool')})",
        "Any",
        f"return _value_and_gradient({programs.call}, None, {local.with_gradient})",
    )
    backward = _method(
        f"backward({ctx}: Any, {local.upstream}: Any, *_: Any)",
        "Any",
        f"{grads} = {ctx}.saved_tensors[{count}:] or {listed(['None'] * wrt)}",
        f"{local.function} = {name}Gradient if torch.compiler.is_compiling() else {name}GradientForwardMode",
        f"{grads} = {local.function}.apply("
        f"{local.upstream}, *{ctx}.saved_tensors[:{count}], *{grads}, *{ctx}.numbers)",
        f"return *{grads}, {rest}",
    )
    jvp = _method(
        f"jvp({ctx}: Any, *{local.tangent}: Any)",
        "Any",
        f"tensors = {ctx}.saved_tensors[:{count}]",
        f"vectors = [_along(t, x) for t, x in zip({local.tangent}, tensors[:{wrt}])]",
        f"return *_second_order(*tensors, *{ctx}.numbers, None, *vectors), "
        f"*[None] * len({ctx}.saved_tensors[{count}:])",
    )
    function = "torch.autograd.Function"
    first = _class(
        f"{name}Function",
        function,
        "The value, and its gradient in the same pass.",
        [forward, _remember(programs, count, count, outputs=True), backward],
        vmap=True,
    )
    second = _class(f"{name}ForwardMode", f"{name}Function", "The same, with forward mode.", [jvp])
    return [first, second]


def _gradient_classes(programs: Programs, name: str) -> list[str]:
    local = programs.local
    ctx = local.ctx
    count, wrt = len(programs.tensors), len(programs.differentiable)
    grads = [f"grad_{arg}" for arg in programs.differentiable]
    parameters = [f"{local.upstream}: torch.Tensor", *(f"{arg}: torch.Tensor" for arg in programs.tensors)]
    parameters += [f"{grad}: torch.Tensor | None" for grad in grads]
    parameters += [f"{n}: {'str' if n == 'reduction' else 'float'}" for n in programs.numbers]
    forward = _method(
        f"forward({', '.join(parameters)})",
        "Any",
        f"if {grads[0]} is not None:",
        f"{INDENT}return {listed([f'{local.upstream} * {grad}' for grad in grads])}",
        f"return _value_and_gradient({programs.call}, {local.upstream}, True)[1:]",
    )
    rest = ", ".join(["None"] * (count + len(programs.numbers)))
    backward = _method(
        f"backward({ctx}: Any, *vectors: Any)",
        "Any",
        f"{local.upstream}, *tensors = {ctx}.saved_tensors",
        f"return *_second_order(*tensors, *{ctx}.numbers, {local.upstream}, *vectors), {rest}",
    )
    jvp = _method(
        f"jvp({ctx}: Any, *{local.tangent}: Any)",
        "Any",
        f"{local.upstream}, *tensors = {ctx}.saved_tensors",
        f"vectors = [_along(t, x) for t, x in zip({local.tangent}[1:], tensors[:{wrt}])]",
        f"products = _second_order(*tensors, *{ctx}.numbers, {local.upstream}, *vectors)[1:]",
        f"if {local.tangent}[0] is None:",
        f"{INDENT}return products",
        f"{local.grads} = _value_and_gradient(*tensors, *{ctx}.numbers, {local.tangent}[0], True)[1:]",
        f"return tuple(p + g for p, g in zip(products, {local.grads}))",
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
