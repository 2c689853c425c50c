"""`make contracts`: linters read the served description, a TypeScript client made from it does the main job.

Needs Node.js 20 or later and npm, which installs the packages pinned in `typescript/` into `.local/contracts`. The
versions of the tools, their counts and the tested commit go to `docs/proofs/contracts.json`.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx

from tests import proofs
from tests.contracts import python_client
from xxxchat.stack import Stack
from xxxchat.stack.folder import PROJECT

SOURCE = Path(__file__).parent / "typescript"
WORK = PROJECT / ".local" / "contracts"
PASSWORD = "demo-only-password"
TOOLS = ("@redocly/cli", "@stoplight/spectral-cli", "openapi-typescript", "openapi-fetch", "typescript")


def main() -> int:
    missing = [each for each in ("node", "npm") if shutil.which(each) is None]
    if missing:
        print(f"make contracts needs {' and '.join(missing)} (Node.js 20 or later).")
        return 1
    shutil.rmtree(WORK, ignore_errors=True)
    shutil.copytree(SOURCE, WORK)
    run("npm", "ci", "--no-audit", "--no-fund")
    with Stack(env={"SLOTS_MIN_INTERVAL_MS": "0", "DEMO_PASSWORD": PASSWORD}, web_processes=2) as stack:
        facts = {"tools": tools(), "description": fetch(stack.url), "linters": linters(), "clients": clients(stack.url)}
    print(f"Written to {proofs.write('contracts', facts)}.")
    return 0 if held(facts) else 1


def held(facts: dict[str, Any]) -> bool:
    """Whether the linters found nothing and both clients did the main job."""
    clean = all(count == 0 for found in facts["linters"].values() for count in found.values())
    wanted = {name: value for name, value in python_client.EXPECTED.items() if name != "bought"}
    return clean and facts["clients"] == {"python": python_client.EXPECTED, "typescript": wanted}


def run(*command: str, check: bool = True) -> str:
    """Run a program in the working folder; return its output."""
    done = subprocess.run(command, cwd=WORK, check=False, capture_output=True, text=True)
    if check and done.returncode != 0:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


def tools() -> dict[str, str]:
    """The versions that ran."""
    installed = json.loads(run("npm", "ls", "--json", "--depth", "0"))["dependencies"]
    return {"node": run("node", "--version").strip(), **{name: installed[name]["version"] for name in TOOLS}}


def fetch(url: str) -> dict[str, Any]:
    """Store the description as the server answers it, in both forms; count what it has."""
    for form in ("json", "yaml"):
        answer = httpx.get(f"{url}/api/schema?format={form}", timeout=60).raise_for_status()
        (WORK / f"openapi.{form}").write_bytes(answer.content)
    document = json.loads((WORK / "openapi.json").read_text())
    methods = [operation for path in document["paths"].values() for operation in path]
    schemas = document["components"]["schemas"]
    return {"openapi": document["openapi"], "operations": len(methods), "schemas": len(schemas)}


def linters() -> dict[str, dict[str, int]]:
    """Errors and warnings that each linter finds by its recommended rules, in both forms."""
    found = {}
    for form in ("json", "yaml"):
        redocly = json.loads(run("npx", "redocly", "lint", f"openapi.{form}", "--format=json", check=False))["totals"]
        spectral = json.loads(run("npx", "spectral", "lint", f"openapi.{form}", "-q", "-f", "json", check=False))
        found[f"redocly {form}"] = {"errors": redocly["errors"], "warnings": redocly["warnings"]}
        found[f"spectral {form}"] = {
            "errors": sum(each["severity"] == 0 for each in spectral),
            "warnings": sum(each["severity"] > 0 for each in spectral),
        }
    return found


def clients(url: str) -> dict[str, Any]:
    """Make both clients from the description and let each do the main job; a type error ends the run."""
    run("npx", "openapi-typescript", "openapi.yaml", "-o", "generated.d.ts")
    run("npx", "tsc")
    typescript = json.loads(run("node", "out/main_job.js", url, PASSWORD))
    python_client.generate(url, WORK)
    sys.path.insert(0, str(WORK))
    return {"typescript": typescript, "python": python_client.main_job(url, PASSWORD)}


if __name__ == "__main__":
    sys.exit(main())
