"""Emitted C under the address and undefined-behaviour sanitisers: it reads only what it is handed, whatever comes in."""

from __future__ import annotations

import itertools
import subprocess
from pathlib import Path

import pytest

import lossdsl
from lossdsl.backends.native import runtime
from lossdsl.backends.native.module import NativeModule
from lossdsl.check.sizes import extent_value
from tests.native_build import COMPILER, needs_compiler

SANITISE = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer", "-g")

DRIVER = """
static void *block(size_t size)
{
    return malloc(size ? size : 1);
}

int main(void)
{
%s
    return 0;
}
"""

LOSSES = {
    "gather": "loss f(x[n, c] | k[n] in c):\n    return mean[n](logsumexp[c](x[n, c]) - x[n, k[n]])\n",
    "masked gather": "loss f(x[n, c], w[c] | k[n] in c or {-100}):\n"
    "    return mean[n where k[n] != -100](w[k[n]]*(logsumexp[c where c != k[n]](x[n, c]) - x[n, k[n]])^2)\n",
    "windows": "loss f(x[n], w[a] | y[n]):\n    return mean[i](sum[a](w[a]*x[i + a])^2 - y[i])\n",
    "first and last": "loss f(x[n] | t[m]):\n    return sum[n]((x[n] - x[0])^2) + x[-1]*t[0]\n",
    "position of the best": "loss f(x[n, c] | y[n, c]):\n    best[n] = argmax[c where y[n, c] > 0](y[n, c])\n"
    "    return mean[n](x[n, best[n]]^2)\n",
    "running sums": "loss f(x[t]):\n    return sum[t](softmax[t](x)*cumsum[t](x)^2) + max[t](x) + prod[t](x)\n",
    "sizes from numbers": "loss f(x[n]; bins in [0, 20] = 3):\n    return sum[b in bins]((x[b] - b)^2)\n",
}
SIZES = [0, 1, 2, 5, -1]
POSITIONS = [-(1 << 62), -100, -1, 0, 1, 7, 1 << 62]


def driver(module: NativeModule, name: str) -> str:
    """Calls with arrays of exactly the sizes that are passed, each block apart; labels that point anywhere."""
    kernel = next(k for k in module.kernels if k.name == name)
    interface = module.interface
    derivatives = {"value_and_grad": module.derived.gradient, "hvp": module.derived.hvp}[name]
    calls = []
    axes = list(interface.size_names)
    for count, given in enumerate(itertools.product(SIZES, repeat=len(axes))):
        sizes = {axis: max(size, 0) for axis, size in zip(axes, given, strict=True)}

        def length(extents: tuple[object, ...], sizes: dict[str, int] = sizes) -> int:
            total = 1
            for extent in extents:
                total *= extent_value(extent, sizes, {})  # type: ignore[arg-type]
            return total

        blocks, fills = [], []
        names = [a.name for a in interface.arrays] + (list(derivatives) if name == "hvp" else [])
        by_name = {a.name: a for a in interface.arrays}
        for k, argument in enumerate(names):
            array = module.derived.lowered.table.arrays[argument]
            is_label = array.kind == "int" and k < len(by_name)
            size = length(by_name[argument].axes)
            blocks.append(f"block({size} * sizeof({'int64_t' if is_label else 'real'}))")
            value = f"INT64_C({POSITIONS[(count + k) % len(POSITIONS)]})" if is_label else "(real)(i % 3 - 1)"
            type_ = "int64_t" if is_label else "real"
            fills.append(f"for (int64_t i = 0; i < {size}; i++) (({type_} *)arrays[{k}])[i] = {value};")
        outs = [f"block({length(by_name[o].axes) if o else 1} * sizeof(real))" for o in kernel.outputs]
        calls.append(
            "    {\n"
            f"        int64_t sizes[] = {{{', '.join(f'INT64_C({s})' for s in given) or '0'}}};\n"
            f"        double numbers[] = {{{', '.join(str(3 + 1e300 * (count % 2)) for _ in interface.hosts) or '0'}}};\n"
            f"        void *arrays[] = {{{', '.join(blocks)}}};\n"
            f"        void *outputs[] = {{{', '.join(outs)}}};\n"
            + "".join(f"        {line}\n" for line in fills)
            + f"        run(sizes, numbers, arrays, outputs, {count % 2 + 1}, {count % 3});\n"
            + "".join(f"        free(arrays[{k}]);\n" for k in range(len(blocks)))
            + "".join(f"        free(outputs[{k}]);\n" for k in range(len(outs)))
            + "    }"
        )
    return module.writer.file([kernel]) + DRIVER % "\n".join(calls)


@pytest.fixture(scope="module")
def sanitisers(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("probe")
    command = [str(COMPILER), *SANITISE, "-x", "c", "-", "-o", str(folder / "probe")]
    probe = subprocess.run(command, input="int main(void) { return 0; }", text=True, capture_output=True)
    if probe.returncode or subprocess.run([str(folder / "probe")], capture_output=True).returncode:
        pytest.skip("the compiler has no sanitisers")


@needs_compiler
@pytest.mark.usefixtures("sanitisers")
@pytest.mark.parametrize(("name", "program"), [*((n, "value_and_grad") for n in LOSSES), ("masked gather", "hvp")])
def test_memory_and_arithmetic_are_defined(name: str, program: str, tmp_path: Path) -> None:
    module = NativeModule(lossdsl.loss(LOSSES[name]).program)
    module.text()
    flags = [f for f in runtime._FLAGS if f not in ("-O3", "-shared", "-fPIC", "-march=native")]
    path = tmp_path / "driver"
    command = [str(COMPILER), "-O1", *flags, *SANITISE, f"-DPROGRAM_{program}", "-x", "c", "-", "-o", str(path), "-lm"]
    built = subprocess.run(command, input=driver(module, program), text=True, capture_output=True)
    assert not built.returncode, built.stderr[-3000:]
    done = subprocess.run([str(path)], capture_output=True, text=True, timeout=120)
    assert not done.returncode, done.stderr[-3000:]


@needs_compiler
@pytest.mark.usefixtures("sanitisers")
def test_the_driver_would_see_a_read_outside(tmp_path: Path) -> None:
    """The same driver, with the line that keeps positions on their axis taken out."""
    module = NativeModule(lossdsl.loss(LOSSES["gather"]).program)
    module.text()
    source = driver(module, "value_and_grad")
    kept = "return position < 0 ? 0 : position < size ? position : size - 1;"
    assert kept in source
    path = tmp_path / "driver"
    flags = [f for f in runtime._FLAGS if f not in ("-O3", "-shared", "-fPIC", "-march=native")]
    command = [
        str(COMPILER),
        "-O1",
        *flags,
        *SANITISE,
        "-DPROGRAM_value_and_grad",
        "-x",
        "c",
        "-",
        "-o",
        str(path),
        "-lm",
    ]
    subprocess.run(command, input=source.replace(kept, "return position;"), text=True, check=True, capture_output=True)
    assert subprocess.run([str(path)], capture_output=True).returncode
