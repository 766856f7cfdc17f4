#!/usr/bin/env python3
"""Holds the source tree against its own rules; exits 1 and names file:line where it doesn't fit.

  - every #include "x/..." of src/ and include/ against src/LAYERS (sluice/x.h belongs to layer x if
    src/x exists, to base otherwise);
  - src/LAYERS against itself: a folder may name only folders above it;
  - files over 500 lines that don't say "Long because ..." at their head;
  - notes of unfinished work.

Usage: check_layers.py [ROOT] | check_layers.py --self-test
"""
import re
import sys
import tempfile
from pathlib import Path

MAX_LINES = 500
HEAD_LINES = 25
UNFINISHED = re.compile(r"\b(" + "TO" + "DO|FIX" + "ME|XX" + r"X)\b")
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"')
CODE = {".cc", ".h", ".py", ".sh", ".js", ".mjs", ".sql", ".cmake"}
FOLDERS = ("src", "include", "tests", "bench", "demo", "examples", "scripts", "cmake")


def read_layers(root):
    """The plan as {layer: set of layers it may include}, and what is wrong with the plan itself."""
    plan, wrong = {}, []
    for number, line in enumerate((root / "src/LAYERS").read_text().splitlines(), 1):
        line = line.split("#")[0].strip()
        if not line:
            continue
        name, _, allowed = line.partition(":")
        for other in allowed.split():
            if other not in plan:
                wrong.append(f"src/LAYERS:{number}: {name} names {other}, which doesn't stand above it")
        plan[name] = set(allowed.split())
    return plan, wrong


def layer_of(path, plan):
    """The layer of a file below src/ or include/sluice/, given relative to the root; None: no layer."""
    if path.parts[0] == "src":
        return path.parts[1] if len(path.parts) > 2 else None
    stem = path.stem if len(path.parts) == 3 else path.parts[2]
    return stem if stem in plan else "base"


def layer_of_include(target, plan):
    """The layer that an include text names; None where the text has no folder."""
    if target.startswith("sluice/"):
        return layer_of(Path("include") / target, plan)
    return target.split("/")[0] if "/" in target else None


def check_includes(root, path, plan):
    layer = layer_of(path, plan)
    if layer is None:
        return
    if layer not in plan:
        yield f"{path}:1: src/LAYERS has no line for {layer}"
        return
    for number, line in enumerate((root / path).read_text(errors="replace").splitlines(), 1):
        found = INCLUDE.match(line)
        if not found:
            continue
        target = layer_of_include(found[1], plan)
        if found[1].startswith(".") or target is None:
            yield f'{path}:{number}: "{found[1]}" doesn\'t name its folder'
        elif target not in plan:
            yield f'{path}:{number}: "{found[1]}" is in no folder of src/LAYERS'
        elif target != layer and target not in plan[layer]:
            yield f"{path}:{number}: {layer} may not include {target} ({found[1]})"


def check_text(root, path):
    lines = (root / path).read_text(errors="replace").splitlines()
    if len(lines) > MAX_LINES and "long because" not in "\n".join(lines[:HEAD_LINES]).lower():
        yield f'{path}:1: {len(lines)} lines, and its head says no "Long because ..."'
    for number, line in enumerate(lines, 1):
        if UNFINISHED.search(line):
            yield f"{path}:{number}: unfinished work: {line.strip()[:60]}"


def sources(root):
    for folder in FOLDERS:
        for path in sorted((root / folder).rglob("*")):
            if path.suffix in CODE and path.is_file() and "node_modules" not in path.parts:
                yield path.relative_to(root)


def check(root):
    plan, wrong = read_layers(root)
    for path in sources(root):
        if path.parts[0] in ("src", "include") and path.suffix in (".cc", ".h"):
            wrong += check_includes(root, path, plan)
        wrong += check_text(root, path)
    return wrong


def self_test():
    """Builds small trees that break each rule once, and one that breaks none."""
    cases = {
        "clean": ({"src/pool/a.cc": '#include "base/b.h"\n#include "sluice/pool.h"\n'
                                    '#include "sluice/time.h"\n#include "pool/c.h"\n'}, None),
        "upward": ({"src/base/a.cc": '\n#include "pool/b.h"\n'}, "src/base/a.cc:2: base may not"),
        "sibling": ({"src/cache/a.h": '#include "sluice/pool.h"\n'}, "src/cache/a.h:1: cache may not"),
        "public header": ({"include/sluice/time.h": '#include "sluice/pool.h"\n'},
                          "include/sluice/time.h:1: base may not"),
        "private from public": ({"include/sluice/cache.h": '#include "pool/x.h"\n'},
                                "include/sluice/cache.h:1: cache may not"),
        "relative": ({"src/pool/a.cc": '#include "../base/b.h"\n'}, "doesn't name its folder"),
        "stranger": ({"src/odd/a.cc": "\n"}, "no line for odd"),
        "long": ({"src/base/a.cc": "\n" * 501}, "501 lines"),
        "long with reason": ({"src/base/a.cc": "// Long because a table.\n" + "\n" * 501}, None),
        "unfinished": ({"src/base/a.cc": "// TO" + "DO later\n"}, "a.cc:1: unfinished"),
        "plan upside down": ({"src/LAYERS": "pool: base\nbase:\n"}, "LAYERS:1: pool names base"),
    }
    failed = 0
    for name, (files, expected) in cases.items():
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            tree = {"src/LAYERS": "# plan\nbase:\ncache: base\npool: base\n", **files}
            for path, text in tree.items():
                (root / path).parent.mkdir(parents=True, exist_ok=True)
                (root / path).write_text(text)
            wrong = check(root)
            fits = not wrong if expected is None else len(wrong) == 1 and expected in wrong[0]
            if not fits:
                failed += 1
                print(f"self-test {name}: expected {expected!r}, got {wrong}")
    print(f"check_layers self-test: {len(cases) - failed} of {len(cases)} hold")
    return failed


def main():
    if "--self-test" in sys.argv:
        return 1 if self_test() else 0
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent.parent
    wrong = check(root)
    for line in wrong:
        print(line)
    print(f"check_layers: {len(wrong)} violations" if wrong else "check_layers: the tree fits src/LAYERS")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
