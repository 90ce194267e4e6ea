"""The arguments of the command line, and what they mean."""

import pytest

from sockio_gevent.command import CommandError
from sockio_gevent.command.arguments import _parser, parse
from sockio_gevent.command.hints import _ELSEWHERE
from sockio_gevent.command.target import Target


def test_a_target_alone_is_enough():
    found = parse(["hello"])
    assert found.target == Target("hello")
    assert (found.host, found.port) == ("127.0.0.1", 8080)
    assert found.certfile is found.keyfile is found.origins is None
    assert found.log_level == "info"
    assert found.log_format == "text"
    assert not found.reload


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("hello", Target("hello")),
        ("hello:", Target("hello")),
        ("hello:app", Target("hello", "app")),
        ("shop.wsgi:app.wsgi_app", Target("shop.wsgi", "app.wsgi_app")),
        ("hello:make()", Target("hello", "make", True)),
        ("hello:shop.make()", Target("hello", "shop.make", True)),
        ('hello:make("a:b", x=-1)', Target("hello", "make", True, arguments='"a:b", x=-1')),
    ],
)
def test_a_target_is_a_module_and_an_attribute(text, target):
    assert parse([text]).target == target


@pytest.mark.parametrize(
    ("text", "module", "attribute", "folder"),
    [
        ("./chat.py", "chat", "", "."),
        ("chat.py:app", "chat", "app", "."),
        ("./chat:app", "chat", "app", "."),
        ("site/chat.py", "chat", "", "site"),
        ("shop/web/wsgi.py:make()", "shop.web.wsgi", "make", "."),
        ("shop/__init__.py", "shop", "", "."),
    ],
)
def test_a_target_may_be_a_file(tmp_path, monkeypatch, text, module, attribute, folder):
    for name in ("chat", "site/chat", "shop/__init__", "shop/web/__init__", "shop/web/wsgi"):
        (tmp_path / f"{name}.py").parent.mkdir(exist_ok=True)
        (tmp_path / f"{name}.py").touch()
    monkeypatch.chdir(tmp_path)
    target = parse([text]).target
    assert (target.module, target.attribute) == (module, attribute)
    assert target.folder == str((tmp_path / folder).resolve())


def test_no_own_option_has_a_hint_to_another_one():
    known = {option for action in _parser()._actions for option in action.option_strings}
    assert known.isdisjoint(_ELSEWHERE)


def test_origins_are_collected():
    given = ["--origins", "https://a.org, self", "--origins=b.org:*"]
    assert parse(["hello", *given]).origins == ["https://a.org", "self", "b.org:*"]


@pytest.mark.parametrize("host", ["::1", "[::1]"])
def test_a_host_may_have_the_brackets_of_an_address(host):
    assert parse(["hello", "--host", host]).host == "::1"


@pytest.mark.parametrize("port", [0, 1, 65535])
def test_a_port_is_a_number(port):
    assert parse(["hello", "--port", str(port)]).port == port


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ([], "the following arguments are required: module:application"),
        (["doctr", "http://localhost/"], "there is no command 'doctr': did you mean 'doctor'?"),
        (["emitt", "news", '"hello"'], "there is no command 'emitt': did you mean 'emit'?"),
        (["hello", "other"], "unrecognized arguments: other"),
        (["hello", "--relod"], "unrecognized arguments: --relod"),
        (["hello", "-w", "4"], "there is no option -w: say --workers"),
        (["hello", "--workers", "0"], "'0' is not a number of workers"),
        (["hello", "--workers", "x"], "'x' is not a number of workers"),
        (["-w4", "hello"], "there is no option -w: say --workers"),
        (["hello", "--bind=0.0.0.0:80"], "there is no option --bind: say --host and --port"),
        (["-b", ":80", "hello"], "there is no option -b: say --host and --port"),
        (["hello", "--ssl-keyfile", "x"], "there is no option --ssl-keyfile: say --keyfile"),
        ([""], "'' is not like 'module:application'"),
        ([":app"], "':app' is not like 'module:application'"),
        (["hello:app:x"], "'hello:app:x' is not like 'module:application'"),
        (["hello:()"], "'hello:()' is not like 'module:application'"),
        (["hello:make(x)"], "'hello:make(x)' gives arguments that are no literals of Python: wr"),
        (["hello:make(1)(2)"], "'hello:make(1)(2)' gives arguments that are no literals"),
        (["hello:make(**{})"], "'hello:make(**{})' gives arguments that are no literals"),
        (["hello:make)"], "'hello:make)' is not like 'module:application'"),
        (["hello:make(1"], "'hello:make(1' is not like 'module:application'"),
        (["./hello"], "there is no file './hello' in "),
        (["hello.py"], "there is no file 'hello.py' in "),
        (["hello", "--port", "65536"], "'65536' is not a port between 0 and 65535"),
        (["hello", "--port", "-1"], "'-1' is not a port between 0 and 65535"),
        (["hello", "--port", "http"], "'http' is not a port between 0 and 65535"),
        (["hello", "--host", "x" * 70], "is not the name of a host"),
        (["hello", "--log-level", "loud"], "argument --log-level: invalid choice: 'loud'"),
        (["hello", "--origins", "*:*,x"], "argument --origins: 'x' is neither an origin like"),
        (["hello", "--origins", ""], "argument --origins: '' is neither an origin like"),
        (["hello", "--certfile", "x"], "go together: --keyfile is missing"),
        (["hello", "--keyfile", "x"], "go together: --certfile is missing"),
    ],
)
def test_a_mistake_is_reported_in_one_line(arguments, line):
    with pytest.raises(CommandError) as caught:
        parse(arguments)
    assert line in str(caught.value)
    assert "\n" not in str(caught.value)
    assert str(caught.value).endswith("(see sockio-gevent --help)")


def test_a_file_needs_a_name_that_can_be_imported(tmp_path, monkeypatch):
    (tmp_path / "my-chat.py").touch()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CommandError, match=r"'my-chat.py' cannot be imported: 'my-chat' is no"):
        parse(["my-chat.py"])


def test_the_help_names_every_option(capsys):
    with pytest.raises(SystemExit) as caught:
        parse(["--help"])
    assert not caught.value.code
    shown = capsys.readouterr().out
    assert shown.isascii()
    for option in (
        "host",
        "port",
        "certfile",
        "keyfile",
        "origins",
        "log-level",
        "log-format",
        "reload",
    ):
        assert f"--{option}" in shown
