"""Dependencies point one way: the core knows neither the page nor plotly, and importing it does nothing."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = sorted([*(ROOT / "aae").rglob("*.py"), ROOT / "app.py"])
CORE = sorted((ROOT / "aae").glob("*.py"))

LOOK = """
import json, sys
import aae, aae.training, aae.checkpoints, aae.latent, aae.export, aae.__main__
import torch
loaded = sorted({name.partition(".")[0] for name in sys.modules} & {"gradio", "plotly", "spaces", "matplotlib"})
print(json.dumps({"loaded": loaded, "cuda": torch.cuda.is_initialized(), "name": aae.AAE.__name__}))
"""


def imports(path: Path) -> set[str]:
    """Full names of the modules that a file imports, wherever in it."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Import():
                names |= {alias.name for alias in node.names}
            case ast.ImportFrom(module=str() as module, level=0):
                names |= {module} | {f"{module}.{alias.name}" for alias in node.names}
    return names


def importers(package: str) -> set[str]:
    found = [path for path in FILES if any(name.split(".")[0] == package for name in imports(path))]
    return {path.relative_to(ROOT).as_posix() for path in found}


def test_importing_the_core_loads_no_page_touches_no_gpu_and_creates_nothing(tmp_path):
    home, here = tmp_path / "home", tmp_path / "here"
    home.mkdir()
    here.mkdir()
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "AAE_"))}
    environment = {**kept, "HOME": str(home), "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-W", "error", "-c", LOOK]
    done = subprocess.run(command, env=environment, cwd=here, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert json.loads(done.stdout) == {"loaded": [], "cuda": False, "name": "AAE"}
    assert list(home.iterdir()) == []
    assert list(here.iterdir()) == []


def test_only_the_ui_imports_gradio():
    assert all(name.startswith("aae/ui/") for name in importers("gradio"))
    assert "aae/ui/demo.py" in importers("gradio")


def test_only_figures_and_the_ui_import_plotly():
    assert all(name == "aae/figures.py" or name.startswith("aae/ui/") for name in importers("plotly"))
    assert "aae/figures.py" in importers("plotly")


def test_only_the_runtime_module_knows_spaces():
    assert importers("spaces") <= {"aae/ui/runtime.py"}


@pytest.mark.parametrize("path", CORE, ids=lambda path: path.stem)
def test_no_core_module_imports_the_ui(path):
    assert not [name for name in imports(path) if name.startswith("aae.ui")]


ORDER = [
    "errors",
    "config",
    "priors losses data models",
    "checkpoints objectives",
    "matching samples reconstruction parzen",
    "training latent metrics export",
    "figures",
    "__main__",
]
RANKS = {name: rank for rank, names in enumerate(ORDER) for name in names.split()}


@pytest.mark.parametrize("name", RANKS)
def test_core_modules_import_only_what_lies_below_or_beside_them(name):
    tree = ast.parse((ROOT / "aae" / f"{name}.py").read_text(encoding="utf-8"))
    modules = [node.module for node in tree.body if isinstance(node, ast.ImportFrom) and node.module]
    used = {module.split(".")[1] for module in modules if module.startswith("aae.")} & RANKS.keys()
    assert {other for other in used if RANKS[other] > RANKS[name]} == set()
