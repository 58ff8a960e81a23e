"""Who may include whom: reads the block in ARCHITECTURE.md and fails on any
other #include between modules.   usage: check_includes.py SOURCE_ROOT"""
import pathlib
import re
import sys


def read_rules(architecture):
    """The fenced block whose first line starts with 'base:'."""
    text = architecture.read_text()
    block = re.search(r"```\n(base:.*?)```", text, re.S).group(1)
    rules = {}
    for line in block.splitlines():
        match = re.match(r"(\w+):\s*((?:\w+ )*\w*)(?:\s{2,}.*)?$", line)
        if not match:
            sys.exit(f"ARCHITECTURE.md: cannot read the rule '{line}'")
        rules[match.group(1)] = set(match.group(2).split())
    everything = set(rules)
    for name, allowed in rules.items():
        if "everything" in allowed:
            rules[name] = everything - {"cli"}
    return rules


def main(root):
    rules = read_rules(root / "ARCHITECTURE.md")
    modules = {p.name for p in (root / "src/squint").iterdir() if p.is_dir()}
    errors = [f"module {m} is not in ARCHITECTURE.md"
              for m in modules - set(rules)]
    include = re.compile(r'#include "squint/(\w+)/')
    files = 0
    for path in sorted((root / "src").rglob("*")):
        if path.suffix not in (".cc", ".h", ".inc"):
            continue
        files += 1
        parts = path.relative_to(root / "src").parts
        module = parts[1] if parts[0] == "squint" else parts[0]
        allowed = rules.get(module, set()) | {module}
        for number, line in enumerate(path.read_text().splitlines(), 1):
            match = include.search(line)
            if match and match.group(1) not in allowed:
                errors.append(f"{path.relative_to(root)}:{number}: {module} "
                              f"may not include {match.group(1)}")
    print(f"{files} files, {len(rules)} modules")
    if errors:
        sys.exit("\n".join(errors))


main(pathlib.Path(sys.argv[1]))
