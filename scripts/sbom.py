"""Writes what an install of Tympan brings, as a CycloneDX bill of materials: python scripts/sbom.py ENVIRONMENT_PYTHON FOLDER

The environment is one in which only Tympan was installed, by the exact versions of constraints.txt; `make sbom` makes it. cyclonedx-py
must be beside the Python that runs this. Where on this machine the package was installed from is left out, and so are pip and setuptools,
which came with the environment.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

SPECIFICATION = "1.6"
OF_THE_ENVIRONMENT = {"pip", "setuptools"}


def bill_of(python: Path) -> dict[str, Any]:
    """As cyclonedx-py makes it, checked against CycloneDX's schema by it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bill.json"
        program = Path(sys.executable).with_name("cyclonedx-py")
        command = [str(program), "environment", "--spec-version", SPECIFICATION, "--output-reproducible", "--validate"]
        environment = {"SOURCE_DATE_EPOCH": "315532800", **os.environ}
        subprocess.run([*command, "--output-file", str(path), str(python)], check=True, env=environment)
        bill: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return bill


def of_tympan(bill: dict[str, Any]) -> dict[str, Any]:
    """The bill with Tympan as what it is about, without this machine's paths and the environment's own packages."""
    components = [component for component in bill["components"] if component["name"] not in OF_THE_ENVIRONMENT]
    (about,) = [component for component in components if component["name"] == "tympan"]
    about["externalReferences"] = [link for link in about.get("externalReferences", []) if not link["url"].startswith("file:")]
    kept = {component["bom-ref"] for component in components}
    return {
        **bill,
        "metadata": {**bill["metadata"], "component": {**about, "type": "application"}},
        "components": [component for component in components if component is not about],
        "dependencies": [entry for entry in bill["dependencies"] if entry["ref"] in kept],
    }


if __name__ == "__main__":
    bill = of_tympan(bill_of(Path(sys.argv[1])))
    about = bill["metadata"]["component"]
    path = Path(sys.argv[2]) / f"tympan-{about['version']}.cdx.json"
    path.write_text(json.dumps(bill, indent=1, ensure_ascii=False, sort_keys=True) + "\n", encoding="utf-8")
    print(f"{path}: tympan {about['version']} and {len(bill['components'])} packages that it brings")
