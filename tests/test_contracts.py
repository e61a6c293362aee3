"""The house rules that no single room can hold: who may import whom, what the runtime never loads, what each door shows."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "src" / "tympan"
FILES = sorted(PACKAGE.rglob("*.py"))
OUR_CODE = FILES + [path for folder in ("scripts", "benchmarks", "examples", "recipes") for path in sorted((ROOT / folder).rglob("*.py"))]

# Imports go down or stay on their floor, never up. The front door, tympan/__init__.py, may show anything.
FLOORS = {
    0: {"_native"},
    1: {"errors", "extras", "files", "locks", "scoring", "subtitles", "tokens", "transcript", "window", "word_pieces", "workers"},
    2: {"audio", "bundle", "features", "lexicon", "plots", "text"},
    3: {"decoding", "g2p", "lm", "models"},
    4: {"data", "emissions", "engines", "evaluation", "recognizer", "streaming", "systems", "training"},
    5: {"__main__", "cli", "scale", "serve"},
}
FLOOR_OF = {room: floor for floor, rooms in FLOORS.items() for room in rooms}
TRAINING_ROOMS = {"models", "training"}
TORCH_LIBRARIES = {"lightning", "pytorch_lightning", "torch", "torchaudio"}
UNSAFE_LIBRARIES = {"_pickle", "cloudpickle", "dill", "joblib", "pickle", "shelve"}


def module_name(path: Path) -> str:
    """tympan.lm.arpa for src/tympan/lm/arpa.py; a package has the name of its folder."""
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in FILES}


def room(module: str) -> str:
    """The room of tympan.lm.arpa is lm; of tympan itself, nothing."""
    return [*module.split("."), ""][1]


def trains(module: str) -> bool:
    """Whether torch may be imported here: the training rooms, and files that say so in their name."""
    return room(module) in TRAINING_ROOMS or "torch" in module.rsplit(".", 1)[-1]


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imports(path: Path, within: ast.AST | None = None) -> Iterator[tuple[int, str]]:
    """Yield line and full name of all that a file (or one node of it) imports, inside functions too; relative names are made whole."""
    for node in ast.walk(within or tree_of(path)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            source = node.module or ""
            if node.level:
                here = path.relative_to(PACKAGE.parent).parts[: -node.level]
                source = ".".join([*here, *filter(None, [node.module])])
            for alias in node.names:
                inner = f"{source}.{alias.name}"
                yield node.lineno, inner if inner in MODULES or source == "tympan" else source


def where(path: Path, line: int) -> str:
    return f"{path.relative_to(ROOT)}:{line}"


def deferred_parts(path: Path) -> Iterator[ast.AST]:
    """What does not run when the file is imported: functions, and `if TYPE_CHECKING`."""
    for node in ast.walk(tree_of(path)):
        for_types = isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        if for_types or isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node


def test_every_module_stands_on_a_floor() -> None:
    homeless = sorted({room(module) for module in MODULES} - set(FLOOR_OF) - {""})
    assert not homeless, f"Give these a floor in FLOORS (and in the architecture's drawing): {homeless}"


def test_imports_go_down_and_never_up() -> None:
    climbs = [
        f"{where(path, line)}: {room(module)} (floor {FLOOR_OF[room(module)]}) imports {name} (floor {FLOOR_OF[room(name)]})"
        for module, path in MODULES.items()
        if room(module) in FLOOR_OF
        for line, name in imports(path)
        if name.split(".")[0] == "tympan" and room(name) in FLOOR_OF and FLOOR_OF[room(name)] > FLOOR_OF[room(module)]
    ]
    assert not climbs, "\n".join(climbs)


def test_no_room_takes_from_the_front_door_what_stands_in_another_room() -> None:
    """`from tympan import Recognizer` inside the package would hide an import that goes up; the version is no room's."""
    taken = [
        where(path, node.lineno)
        for module, path in MODULES.items()
        if module != "tympan"
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.ImportFrom) and node.module == "tympan"
        if any(alias.name not in FLOOR_OF and alias.name != "__version__" for alias in node.names)
    ]
    assert not taken, "\n".join(taken)


def test_the_runtime_never_imports_torch_not_even_lazily() -> None:
    found = [
        f"{where(path, line)}: {name}"
        for module, path in MODULES.items()
        if not trains(module)
        for line, name in imports(path)
        if name.split(".")[0] in TORCH_LIBRARIES
    ]
    assert not found, "\n".join(found)


def test_the_runtime_imports_the_training_rooms_only_inside_commands() -> None:
    """A command may open `training` when it is called; anything else of the runtime would bring torch through the back door."""
    found = []
    for module, path in MODULES.items():
        if trains(module):
            continue
        may_open = deferred_parts(path) if room(module) in FLOORS[5] else []
        deferred = {entry for part in may_open for entry in imports(path, part)}
        wrong = [entry for entry in imports(path) if entry[1] in MODULES and trains(entry[1]) and entry not in deferred]
        found += [f"{where(path, line)}: {name}" for line, name in wrong]
    assert not found, "\n".join(found)


def test_torchaudio_is_imported_nowhere() -> None:
    found = [where(path, line) for path in OUR_CODE for line, name in imports(path) if name.split(".")[0] == "torchaudio"]
    assert not found, "\n".join(found)


def test_nothing_that_runs_code_from_a_file_is_imported_or_called() -> None:
    found = [f"{where(path, line)}: {name}" for path in OUR_CODE for line, name in imports(path) if name.split(".")[0] in UNSAFE_LIBRARIES]
    for path in OUR_CODE:
        for node in ast.walk(tree_of(path)):
            called = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
            allowed_pickle = isinstance(node, ast.keyword) and node.arg == "allow_pickle" and ast.unparse(node.value) != "False"
            if called in {"torch.load", "yaml.load", "yaml.unsafe_load"} or called.endswith("load_from_checkpoint"):
                found.append(f"{where(path, node.lineno)}: {called}")
            elif allowed_pickle:
                found.append(f"{where(path, node.value.lineno)}: allow_pickle")
    assert not found, "\n".join(found)


def run_python(code: str) -> None:
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


def test_import_tympan_loads_no_heavy_library() -> None:
    run_python(
        "import sys, tympan\n"
        "heavy = {'lightning', 'numpy', 'onnxruntime', 'pydantic', 'rich', 'soundfile', 'soxr', 'torch', 'typer'}\n"
        "loaded = sorted(heavy & set(sys.modules))\n"
        "assert not loaded, f'import tympan loads {loaded}'\n"
    )


def test_the_runtime_imports_where_torch_is_not_installed() -> None:
    optional = {"scale", "serve"}  # these need their own extras
    names = [name for name in MODULES if not trains(name) and room(name) not in optional and not name.endswith("__main__")]
    run_python(
        "import importlib, sys\n"
        f"for library in {sorted(TORCH_LIBRARIES)!r}: sys.modules[library] = None\n"
        f"for name in {names!r}: importlib.import_module(name)\n"
    )


def public_names(package: str, body: list[ast.stmt]) -> set[str]:
    """What a package's __init__.py makes public: its own definitions, and what it imports from its own files; not what it borrows."""
    names: set[str] = set()
    for node in body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            names.add(node.name)
        elif isinstance(node, ast.ImportFrom) and (node.level == 1 or f"{node.module}.".startswith(f"{package}.")):
            names |= {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names |= {target.id for target in targets if isinstance(target, ast.Name)}
        elif isinstance(node, (ast.If, ast.Try)):
            names |= public_names(package, [*node.body, *node.orelse])
    return {name for name in names if not name.startswith("_")}


def declared(tree: ast.Module) -> list[str]:
    """The literal `__all__` of a module, [] if it has none."""
    for node in tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        if any(isinstance(target, ast.Name) and target.id == "__all__" for target in targets):
            assert isinstance(node, (ast.Assign, ast.AnnAssign))
            assert node.value is not None
            return list(ast.literal_eval(node.value))
    return []


@pytest.mark.parametrize("package", [name for name, path in MODULES.items() if path.name == "__init__.py"])
def test_all_is_what_is_public_and_sorted(package: str) -> None:
    tree = tree_of(MODULES[package])
    names = declared(tree)
    assert names == sorted(set(names))
    public = public_names(package, tree.body)
    assert public <= set(names), f"public, but not in __all__: {sorted(public - set(names))}"
    promised = [name for name in names if name not in public and not name.startswith("__")]
    if promised:  # given out lazily, by a module's __getattr__
        module = importlib.import_module(package)
        assert [name for name in promised if not hasattr(module, name)] == []


def test_the_tests_that_the_page_of_security_names_are_there() -> None:
    text = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    files = list((ROOT / "tests").rglob("test_*.py"))
    tests = {name for path in files for name in re.findall(r"def (test_\w+)", path.read_text(encoding="utf-8"))}
    named = set(re.findall(r"`(test_\w+)`", text))
    assert len(named) > 10 and named <= tests, named - tests
    assert {Path(name).name for name in re.findall(r"`([\w/]*test_\w+\.py)`", text)} <= {path.name for path in files}
