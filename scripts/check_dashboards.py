"""Are the committed dashboards what Grafana understands? Its own types say so, of the version that our compose files run.

Grafana ignores a name that it does not know, and a value it does not know becomes some other: nobody would see it.
Each dashboard is made a TypeScript literal of the type in `schema/dashboard.ts`, and the compiler reads them all.
"""

import shutil
import subprocess
import sys
from pathlib import Path

from npm_packages import install

ROOT = Path(__file__).resolve().parent.parent
SCHEMA = ROOT / "scripts" / "schema"
WORK = ROOT / ".bongsu" / "schema"
DASHBOARDS = ROOT / "monitoring" / "grafana" / "dashboards"


def write_sources() -> None:
    for old in WORK.glob("*.ts"):
        old.unlink()
    for name in ("dashboard.ts", "tsconfig.json"):
        shutil.copy(SCHEMA / name, WORK / name)
    for file in DASHBOARDS.glob("*.json"):
        literal = file.read_text(encoding="utf-8").rstrip()
        source = f"import type {{ Checked }} from './dashboard';\nexport const board: Checked = {literal};\n"
        (WORK / f"{file.stem}.ts").write_text(source, encoding="utf-8")


def main() -> int:
    if not install(SCHEMA, WORK):
        return 69
    write_sources()
    compiler = ["node", "node_modules/typescript/bin/tsc", "--project", "."]
    if code := subprocess.run(compiler, cwd=WORK, check=False, timeout=300).returncode:
        return code
    print(f"{len(list(DASHBOARDS.glob('*.json')))} dashboards are of Grafana's types")
    return 0


if __name__ == "__main__":
    sys.exit(main())
