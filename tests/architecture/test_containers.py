"""`Dockerfile` and `compose.yaml` name only what exists: commands, options, variables, ports, files and each other."""

import json
import os
import re
import runpy
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from celery.bin.celery import celery
from django.conf import settings
from django.core.management import get_commands, load_command_class
from granian.cli import cli as granian
from uvicorn.main import main as uvicorn

from xxxchat.stack import lineup, proxy
from xxxchat.stack.containers import BODIES, COMMANDS, EVENTS, WEB, configuration

ROOT = Path(settings.BASE_DIR)
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
PARTS = {"migrate", "web", "commands", "events", "worker", "beat", "sweeper"}
OURS = {name: service for name, service in SERVICES.items() if service.get("image") == "xxxchat:local"}
VARIABLE = re.compile(r"\$\{([A-Z_]+)(:\?|:-)?")
EXAMPLE = re.findall(r"^([A-Z][A-Z0-9_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE)
# Read by the settings, and left to the image, to their strict defaults, or to development.
NOT_IN_COMPOSE = {
    *("STATIC_ROOT", "SECURE_COOKIES", "SECURE_SSL_REDIRECT", "SECURE_HSTS_SECONDS", "EXTRA_APPS", "DEMO_PASSWORD"),
    *("STATIC_HASHED", "MAIL_FOLDER"),
}
NOT_SETTINGS = {
    *("SITE_HOST", "POSTGRES_PASSWORD", "DATABASE_OWNER_PASSWORD", "DATABASE_PASSWORD", "REDIS_PASSWORD"),
    *("PORT", "HOST", "RRR_STANDIN_PORT", "WEB_PROCESSES", "WEB_THREADS", "CHROMIUM_PATH", "PGBOUNCER_PATH"),
}


def stages() -> dict[str, list[tuple[str, str]]]:
    """The instructions of each stage of the Dockerfile, continued lines joined."""
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    lines = [line.partition(" ") for line in text.splitlines() if line and not line.startswith("#")]
    found: dict[str, list[tuple[str, str]]] = {}
    for instruction, _, rest in lines:
        if instruction == "FROM":
            current = found.setdefault(rest.rpartition(" AS ")[2], [])
        current.append((instruction, rest.strip()))
    return found


STAGES = stages()


def of(stage: str, instruction: str) -> list[str]:
    return [rest for name, rest in STAGES[stage] if name == instruction]


def command(name: str) -> list[str]:
    """What a service of ours runs: its own command, else the image's."""
    given: list[str] = OURS[name].get("command") or json.loads(of("product", "CMD")[0])
    return given


def health(service: dict[str, Any]) -> str | None:
    """The health check of a service: its own, else its image's; None where there is none."""
    own = service.get("healthcheck")
    if own is not None:
        return None if own.get("disable") else shlex.join(own["test"])
    built = service.get("build")
    return next(iter(of(built["target"], "HEALTHCHECK")), None) if built else None


def environment(service: dict[str, Any]) -> dict[str, str | None]:
    given: dict[str, str | None] = service.get("environment", {})
    return given


def filled(value: str | None) -> str | None:
    """A value of the compose file with a sample in place of each variable."""
    return value and re.sub(r"\$\{[^}]+\}", "c2FtcGxlLXNlZWQta2V5LW9mLTMyLWJ5dGVzLWxvbmc=", value)


# --- commands ---------------------------------------------------------------------------------------------------
def test_every_part_of_the_product_is_a_service() -> None:
    assert set(SERVICES) == {"postgres", "redis", "proxy"} | PARTS
    assert set(OURS) == set(SERVICES) - {"postgres", "redis", "proxy"}


@pytest.mark.parametrize("name", ["web", "commands", "events", "worker", "beat"])
def test_servers_and_celery_accept_their_options(name: str) -> None:
    program, *arguments = command(name)
    if program == "celery":
        assert arguments[:2] == ["--app", "xxxchat"]
        celery.commands[name].make_context(name, arguments[3:], resilient_parsing=True)
        known = {option for parameter in celery.commands[name].params for option in parameter.opts}
        assert {word for word in arguments[3:] if word.startswith("-")} <= known
    else:
        context = {"granian": granian, "uvicorn": uvicorn}[program].make_context(program, list(arguments))
        target = context.params["app"]
        module, _, attribute = str(target).partition(":")
        assert re.search(rf"^{attribute} = ", (ROOT / f"{module.replace('.', '/')}.py").read_text(), re.MULTILINE)


def test_servers_have_the_options_of_the_demo() -> None:
    web = granian.make_context("granian", command("web")[1:]).params
    demo = granian.make_context("granian", [*lineup._web({}, WEB[1]), "xxxchat.wsgi:application"]).params
    commands = lineup._commands(COMMANDS[1], {"LOYALTY_BACKEND": "redroomrewards"})  # compose.yaml is for both
    assert {name for name in demo if demo[name] != web[name]} == {"host"}

    for name, options, target in (
        ("events", lineup._events(EVENTS[1]), "xxxchat.asgi:application"),
        ("commands", commands, "xxxchat.commands.asgi:application"),
    ):
        ours = uvicorn.make_context("uvicorn", command(name)[1:]).params
        demo = uvicorn.make_context("uvicorn", [*options, target]).params
        assert {name for name in demo if demo[name] != ours[name]} == {"host"}


@pytest.mark.parametrize("name", ["migrate", "sweeper"])
def test_management_commands_accept_their_options(name: str) -> None:
    words = command(name)
    lines = words[2].split(" && ") if words[:2] == ["sh", "-c"] else [shlex.join(words)]
    assert lines
    for line in lines:
        python, manage, name, *arguments = shlex.split(line)
        assert (python, manage) == ("python", "manage.py")
        load_command_class(get_commands()[name], name).create_parser("manage.py", name).parse_args(arguments)


def test_the_migrations_are_a_job_that_guards_the_ledger_after_them() -> None:
    job = OURS["migrate"]

    assert job["restart"] == "no"
    assert [line.split()[2] for line in job["command"][2].split(" && ")] == [
        "migrate",
        "guard_ledger",
        "seed_reference",
    ]
    assert "guard_ledger --role xxxchat_app" in job["command"][2]


# --- variables ----------------------------------------------------------------------------------------------------
def test_every_variable_is_in_the_example() -> None:
    text = (ROOT / "compose.yaml").read_text()
    named = {name for name, _ in VARIABLE.findall(text)}
    passed = {name for service in OURS.values() for name in environment(service)}

    assert (named | passed) - set(EXAMPLE) == set()


def test_every_setting_reaches_the_containers() -> None:
    passed = {name for service in OURS.values() for name in environment(service)}

    assert set(EXAMPLE) - NOT_SETTINGS - NOT_IN_COMPOSE - passed == set(), "add it to x-settings in compose.yaml"


def test_secrets_come_from_the_environment_and_are_required() -> None:
    marks: dict[str, set[str]] = {}
    for name, mark in VARIABLE.findall((ROOT / "compose.yaml").read_text()):
        marks.setdefault(name, set()).add(mark)
    secret = {name for name in marks if name.endswith(("_KEY", "_PASSWORD"))}

    assert secret == {
        *("SECRET_KEY", "SEED_KEY", "SECOND_FACTOR_KEY", "EXCLUSION_HASH_KEY", "ARCHIVE_SIGNING_KEY"),
        "POSTGRES_PASSWORD",
        *("DATABASE_OWNER_PASSWORD", "DATABASE_PASSWORD", "REDIS_PASSWORD"),
    }
    assert {name: mark for name, mark in marks.items() if ":?" not in mark} == {}
    assert all(marks[name] == {":?"} for name in secret)


@pytest.mark.parametrize("name", sorted(OURS))
def test_production_accepts_the_settings_of_a_service(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in EXAMPLE:
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(Path, "is_dir", lambda self: True)  # PROMETHEUS_MULTIPROC_DIR, a folder of the container
    for variable, value in environment(OURS[name]).items():
        if value is not None:
            monkeypatch.setenv(variable, str(filled(value)))
    monkeypatch.setenv("SECRET_KEY", "k" * 60)
    monkeypatch.setenv("MAIL_URL", "smtp+tls://mail.example")

    read = runpy.run_path(str(ROOT / "xxxchat" / "settings.py"))

    assert read["APP_MODE"] == "production"
    owner = "xxxchat_owner" if name == "migrate" else "xxxchat_app"
    address = read["DATABASES"]["default"]
    assert (address["USER"], address["HOST"], address["NAME"]) == (owner, "postgres", "xxxchat")


def test_the_owners_password_is_where_the_owner_works_and_nowhere_else() -> None:
    users = {name for name, service in SERVICES.items() if "DATABASE_OWNER_PASSWORD" in str(service)}

    assert users == {"postgres", "migrate"}
    assert "SECRET_KEY" not in str(SERVICES["proxy"])


# --- ports, files, dependencies -----------------------------------------------------------------------------------
def test_ports_are_the_same_everywhere() -> None:
    web = granian.make_context("granian", command("web")[1:])
    events = uvicorn.make_context("uvicorn", command("events")[1:])
    commands = uvicorn.make_context("uvicorn", command("commands")[1:])

    assert (("web", web.params["port"]), ("events", events.params["port"])) == (WEB, EVENTS)
    assert ("commands", commands.params["port"]) == COMMANDS
    assert of("product", "EXPOSE") == [str(WEB[1])]
    for name, port in (WEB, EVENTS, COMMANDS):
        assert re.search(rf"deploy/healthcheck.py\W+{port}\W", health(SERVICES[name]) or "")
    assert [pair.split(":")[1] for pair in SERVICES["proxy"]["ports"]] == of("proxy", "EXPOSE")[0].split()
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["proxy"], (
        "only the proxy is reachable"
    )
    assert ":5432/" in str(environment(OURS["web"])["DATABASE_URL"])
    assert ":6379/" in str(environment(OURS["web"])["REDIS_URL"])


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_what_a_service_waits_for_exists_and_can_become_true(name: str) -> None:
    for other, how in SERVICES[name].get("depends_on", {}).items():
        match how["condition"]:
            case "service_healthy":
                assert health(SERVICES[other])
            case "service_completed_successfully":
                assert SERVICES[other]["restart"] == "no"
            case unknown:
                raise AssertionError(unknown)
    if name in OURS and name != "migrate":
        assert {"migrate", "postgres", "redis"} == set(SERVICES[name]["depends_on"])


def test_hosts_networks_volumes_and_files_exist() -> None:
    for service in SERVICES.values():
        assert set(service["networks"]) <= set(COMPOSE["networks"])
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert (ROOT / source).is_file() if source.startswith("./") else source in COMPOSE["volumes"]
    assert set(COMPOSE["volumes"]) == {"archives", "database", "certificates"}
    assert "front" not in {*SERVICES["postgres"]["networks"], *SERVICES["redis"]["networks"]}
    for target in ("web", "commands", "events", "proxy"):
        assert "front" in SERVICES[target]["networks"]
    ways_out = {name for name in COMPOSE["networks"] if not (COMPOSE["networks"][name] or {}).get("internal")}
    assert ways_out == {"front", "out"}
    assert "out" in SERVICES["worker"]["networks"], "it asks the age provider"


# --- images -------------------------------------------------------------------------------------------------------
def test_images_are_built_in_stages_and_run_as_nobody_special() -> None:
    assert set(STAGES) == {"build", "proxy", "product"}
    assert {service["build"]["target"] for service in SERVICES.values() if "build" in service} == {"proxy", "product"}
    for stage in ("proxy", "product"):
        assert of(stage, "USER") == ["10001"]
        assert of(stage, "HEALTHCHECK")
    assert set(re.findall(r"--from=(\w+)", (ROOT / "Dockerfile").read_text())) == {"build"}


def test_images_have_what_the_product_runs_and_nothing_else() -> None:
    kept = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    apps = {name.split(".")[0] for name in settings.INSTALLED_APPS}

    assert {name for name in kept if not (ROOT / name).exists()} == set()
    assert {path.name for path in ROOT.iterdir() if path.name in apps} <= kept
    assert kept >= {"manage.py", "static", "templates", "requirements.txt", "deploy/healthcheck.py"}
    assert not kept & {".env", "tests", "bench", "."}


def test_the_proxy_accepts_its_configuration(tmp_path: Path) -> None:
    file = tmp_path / "proxy.json"
    file.write_text(json.dumps(configuration()))
    words: list[str | Path] = [proxy.program(), "validate", "--config", file]
    home = {"HOME": str(tmp_path), "SITE_HOST": "shop.example", "PATH": os.environ["PATH"]}
    done = subprocess.run(words, env=home, check=False, capture_output=True, text=True)

    assert done.returncode == 0, done.stderr


def test_the_proxy_passes_on_by_the_rules_of_the_demo() -> None:
    def rules(made: dict[str, Any]) -> Any:
        text = json.dumps(made)
        for name, port in (WEB, EVENTS, COMMANDS):
            text = text.replace(f'"{name}:{port}"', f'"127.0.0.1:{port}"')
        server = json.loads(text)["apps"]["http"]["servers"]
        front = server["front"]
        if "host" in front["routes"][0].get("match", [{}])[0]:
            front["routes"] = front["routes"][0]["handle"][0]["routes"]
        front.pop("automatic_https", None)
        return server

    ours = configuration()
    demo = proxy.settings(
        listen=[":443"],
        web_port=WEB[1],
        commands_port=COMMANDS[1],
        events_port=EVENTS[1],
        body_ports=BODIES,
        storage=Path("/data"),
        every_spin=True,
    )

    assert rules(ours) == rules(demo)
    for name, port in (WEB, EVENTS, COMMANDS):
        assert json.dumps(ours).count(f"{name}:{port}") == json.dumps(demo).count(f"127.0.0.1:{port}") > 0


# --- make check-deploy --------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("hadolint", "status"), [("true", 0), ("false", 1)])
def test_check_deploy_fails_on_a_finding_and_names_what_it_did_not_find(
    hadolint: str, status: int, tmp_path: Path
) -> None:
    for name in ("bash", "env", "grep", "sort", "sed", "mktemp", "rm", "true", "false"):
        (tmp_path / name).symlink_to(str(shutil.which(name)))
    done = subprocess.run(
        [ROOT / ".ci" / "deploy", hadolint], cwd=ROOT, env={"PATH": str(tmp_path)}, check=False,
        capture_output=True, text=True,
    )  # fmt: skip

    assert done.returncode == status
    assert "not found on this machine: docker compose\n" in done.stdout
    assert "not found on this machine: promtool\n" in done.stdout
