"""The commands of the documentation name programs, files and options that exist."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Callable
from configparser import ConfigParser
from pathlib import Path

import pytest
from support.documentation import ROOT, all_blocks, rows

from sockio_gevent import __version__
from sockio_gevent.command.arguments import parse
from sockio_gevent.command.doctor import examine, is_meant
from sockio_gevent.command.emitting import _parser as emitting_parser

sys.path.insert(0, str(ROOT))

from bench import soak

SETUP = ConfigParser(interpolation=None)
SETUP.read(ROOT / "setup.cfg")
UNIT = ROOT / "example/deploy/chat.service"
TOX = ConfigParser(interpolation=None)
TOX.read(ROOT / "tox.ini")


def commands() -> list[str]:
    """The commands of all shell blocks and systemd units, and those inside sentences."""
    lines = [line for block in all_blocks("shell") for line in block.text.splitlines()]
    lines += [
        line.partition("=")[2]
        for text in (UNIT.read_text(), *(block.text for block in all_blocks("ini")))
        for line in text.splitlines()
        if line.startswith("Exec")
    ]
    inline = re.compile(r"``((?:python|gunicorn|pip|sockio-gevent) [^`]+)``")
    for page in [ROOT / "README.rst", *sorted((ROOT / "docs").glob("*.rst"))]:
        lines += inline.findall(" ".join(page.read_text().split()))
    return sorted({command.strip() for line in lines for command in line.split("&&")})


def check_pip(install: str, *packages: str) -> None:
    assert install == "install"
    known = {"tox", "pre-commit", "gunicorn[gevent]", "python-socketio[client]"}
    if "-r" in packages:
        *packages, option, requirements = packages
        assert option == "-r"
        assert (ROOT / requirements).is_file()
    if packages[0] == "--no-binary":
        assert packages[1:] == (SETUP["metadata"]["name"],) * 2
        return
    for package in packages:
        extra = re.fullmatch(r"\.\[(\w+)\]", package)
        if extra:
            assert extra[1] in SETUP["options.extras_require"]
        else:
            assert package == "." or package in known


def check_python(first: str, *rest: str) -> None:
    if first == "-m":
        assert rest[0] == "sockio_gevent"
        check_command_line(*rest[1:])
        return
    assert (ROOT / first).is_file()
    if first == "bench/soak.py":
        soak.read_arguments(rest)
    else:
        assert rest == ()


def check_command_line(*arguments: str) -> None:
    if arguments[:1] == ("emit",):
        emitting_parser().parse_args(arguments[1:])
    elif is_meant(arguments):
        examine.parse(arguments[1:])
    elif arguments and arguments != ("--version",):
        parse([argument.replace("%i", "8081") for argument in arguments])


def check_gunicorn(*arguments: str) -> None:
    from gunicorn.config import Config

    config = Config()
    parsed = config.parser().parse_args(arguments)
    for name, value in vars(parsed).items():
        if value is not None and name in config.settings:
            config.set(name, value)


def tox_environments() -> set[str]:
    """The environments of tox.ini; ``a-{b,c}`` stands for two of them."""
    found = {"py"}
    for section in TOX.sections():
        name, _, ends = section.partition(":")[2].rstrip("}").partition("{")
        found |= {name + end for end in ends.split(",")}
    return found


def check_tox(*arguments: str) -> None:
    if arguments and arguments != ("run-parallel",):
        assert arguments[0] == "-e"
        assert set(arguments[1].split(",")) <= tox_environments()
    for path in arguments[3:]:
        assert (ROOT / path).exists()


def check_pre_commit(*arguments: str) -> None:
    assert arguments == ("install",)
    assert (ROOT / ".pre-commit-config.yaml").is_file()


def check_systemctl(verb: str, *arguments: str) -> None:
    assert verb in ("daemon-reload", "enable", "reload")
    assert all(re.fullmatch(r"--now|chat(@\d+)?(\.service)?", argument) for argument in arguments)


def check_journalctl(*arguments: str) -> None:
    assert arguments == ("--unit", "chat.service", "--follow")


def check_kill(*arguments: str) -> None:
    assert arguments == ("-s", "HUP", "$MAINPID")


def check_npm(*arguments: str) -> None:
    # The packages whose folders the options 'client_directory' and 'ui_directory' want.
    assert arguments in [("install", "socket.io"), ("install", "@socket.io/admin-ui")]


def check_docker(*arguments: str) -> None:
    if arguments[0] == "compose":
        assert arguments == ("compose", "up", "--build")
        assert (ROOT / "example/deploy/compose.yaml").is_file()
    else:
        *words, file, context = arguments
        assert words == ["build", "--tag", "chat", "--file"]
        assert (ROOT / context / file).is_file()


def check_kubectl(*arguments: str) -> None:
    assert arguments[:2] == ("apply", "--filename")
    assert (ROOT / arguments[2]).is_file()


def check_python3(*arguments: str) -> None:
    *words, folder = arguments
    assert words == ["-m", "venv"]
    # The units run the Python of the second one.
    assert folder == "venv" or f"ExecStart={folder}/bin/python " in UNIT.read_text()


def check_activate(*arguments: str) -> None:
    assert arguments == ("venv/bin/activate",)


def check_git(*arguments: str) -> None:
    assert arguments == ("tag", f"v{__version__}")


def check_of_package(*arguments: str) -> None:
    # What tox makes, and the script checks.
    assert "build --outdir {env_tmp_dir}{/}dist" in TOX["testenv:package"]["commands"]
    for argument in arguments:
        assert argument == "upload" or argument.startswith(".tox/package/tmp/dist")


CHECKS: dict[str, Callable[..., None]] = {
    "pip": check_pip,
    "python": check_python,
    "sockio-gevent": check_command_line,
    "gunicorn": check_gunicorn,
    "tox": check_tox,
    "pre-commit": check_pre_commit,
    "systemctl": check_systemctl,
    "journalctl": check_journalctl,
    "kill": check_kill,
    "npm": check_npm,
    "docker": check_docker,
    "kubectl": check_kubectl,
    "python3": check_python3,
    ".": check_activate,
    "git": check_git,
    "ls": check_of_package,
    "twine": check_of_package,
}


@pytest.mark.parametrize("command", commands())
def test_a_command_is_right(command):
    program, *arguments = shlex.split(command)
    if program == "SOCKIO_PURE=1":
        assert "SOCKIO_PURE" in (ROOT / "setup.py").read_text()
        program, *arguments = arguments
    CHECKS[Path(program).name or program](*arguments)


def test_the_full_run_ends_with_the_command_of_the_readme():
    (command,) = [
        line
        for block in all_blocks("shell")
        if block.page == "README.rst"
        for line in block.text.splitlines()
        if "tox" in line
    ]
    assert (ROOT / ".ci/run").read_text().splitlines()[-1] == command


def test_the_table_has_all_options_of_the_command_line(capsys):
    with pytest.raises(SystemExit):
        parse(["--help"])
    known = set(re.findall(r"--[a-z-]+", capsys.readouterr().out))
    described = {
        text for row in rows("deployment.rst") for text in re.findall("``(--[^`]+)``", row[0])
    }
    assert described == known


@pytest.mark.parametrize("option", ["host", "port", "log_level", "log_format"])
def test_the_defaults_of_the_command_line_are_the_true_ones(option):
    name = f"``--{option.replace('_', '-')}``"
    (default,) = [row[1] for row in rows("deployment.rst") if row[0] == name]
    assert default == f"``{getattr(parse(['chat']), option)}``"
