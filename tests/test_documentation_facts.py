"""The documentation has the same names, defaults and texts as the code."""

from __future__ import annotations

import ast
import json
import re
from dataclasses import fields
from functools import cache

import pytest
from support.documentation import ROOT, all_blocks, literals, rows
from support.source_texts import BLANK, PACKAGE, texts

import sockio_gevent as io
from sockio_gevent.admin.options import AdminOptions
from sockio_gevent.ext.prometheus import Collector
from sockio_gevent.monitoring.reasons import CloseReason, Limit
from sockio_gevent.options.transport_options import KNOWN_TRANSPORTS, TransportOptions
from sockio_gevent.refusal import Reason
from sockio_gevent.wire.websocket_extensions import PerMessageDeflate

NONE = "\N{EN DASH}"
BROWSER_CLIENT = (PACKAGE / "static/socket.io.js").read_text()


@cache
def all_texts() -> list[str]:
    return list(texts())


def named(page: str, column: int = 0) -> list[str]:
    """The names in a column of the tables of a page, for each row."""
    return [row[column].split("``")[1] for row in rows(page) if row[column].startswith("``")]


def table(page: str) -> dict[str, list[str]]:
    return {row[0].strip("`"): row[1:] for row in rows(page)}


@pytest.mark.parametrize("option", fields(io.Options), ids=lambda option: option.name)
def test_each_option_has_its_row_with_the_true_default(option):
    default = table("options.rst")[option.name][0]
    if option.name == "transports":
        assert default == "all but ``'jsonp-polling'``"
        assert option.default == tuple(x for x in KNOWN_TRANSPORTS if x != "jsonp-polling")
        assert literals(table("options.rst")["transports"][1]) == {*map(repr, KNOWN_TRANSPORTS)}
    elif option.name == "transport_options":
        assert default == ":ref:`see below <transport-options>`"
    else:
        assert default == f"``{option.default!r}``"


@pytest.mark.parametrize("time", [each.name for each in fields(TransportOptions)])
def test_each_time_has_its_row_with_the_true_defaults(time):
    given = io.Options().transport_options
    for column, transport in ((0, "websocket"), (1, "xhr-polling")):
        cell = table("options.rst")[time][column]
        try:
            io.Options.read({"transport_options": {transport: {time: 1}}})
        except TypeError:
            assert cell == NONE
        else:
            assert cell == f"``{getattr(given[transport], time)!r}``"


@pytest.mark.parametrize("detail", fields(PerMessageDeflate), ids=lambda detail: detail.name)
def test_each_detail_of_compression_has_its_row_with_the_true_default(detail):
    assert table("options.rst")[detail.name][0] == f"``{detail.default!r}``"


@pytest.mark.parametrize("option", fields(AdminOptions), ids=lambda option: option.name)
def test_each_option_of_the_admin_page_has_its_row_with_the_true_default(option):
    default = table("admin.rst")[option.name][0]
    assert default == (NONE if option.name == "auth" else f"``{option.default!r}``")


def test_the_tables_name_only_options_that_exist():
    assert set(named("admin.rst")) == {each.name for each in fields(AdminOptions)}
    kinds = (io.Options, TransportOptions, PerMessageDeflate)
    assert set(named("options.rst")) == {each.name for kind in kinds for each in fields(kind)}


def test_each_event_is_named():
    events = {text.split("(")[0] for text in named("messages.rst")}
    assert events == {*io.Listener.EVENTS, *io.Client.EVENTS}


def test_each_close_reason_is_named():
    assert {cause.value for cause in CloseReason} <= set(named("monitoring.rst"))


def test_each_reason_of_a_refusal_is_named():
    assert {reason.value for reason in Reason} <= set(named("monitoring.rst"))


def test_each_limit_has_its_default_in_the_pages_of_options_and_of_security():
    described = " ".join(row[0] for row in rows("security.rst"))
    for limit in Limit:
        assert limit.value in table("options.rst")
        assert f"``{limit.value}``, " in described


OF_SAME_PEER = {"None", "'address'", "'cookie:sid'"}


def test_each_rule_of_same_peer_is_accepted():
    assert set(named("security.rst")) > OF_SAME_PEER
    for rule in OF_SAME_PEER:
        io.listen(lambda environ, start_response: [], same_peer=ast.literal_eval(rule))


def test_each_number_of_the_statistics_is_named():
    stats = io.listen(lambda environ, start_response: []).stats()
    described = " ".join(row[0] for row in rows("monitoring.rst"))
    assert {re.split(r"\W", text)[0] for text in literals(described)} >= set(stats)


def test_the_example_of_the_statistics_has_their_shape():
    (block,) = all_blocks("json")
    stats = io.listen(lambda environ, start_response: []).stats()

    def shape(tree):
        return {name: shape(tree[name]) for name in tree} if isinstance(tree, dict) else type(tree)

    example = json.loads(block.text)
    assert shape(example) == shape(stats)
    assert list(example["closes"]) == list(stats["closes"])
    assert list(example["refused"]) == list(stats["refused"])


def test_each_metric_has_its_row_with_its_labels():
    listener = io.listen(lambda environ, start_response: [])
    found = {
        sample.name: list(sample.labels)
        for metric in Collector(listener).collect()
        for sample in metric.samples
    }
    cells = [re.findall("``(.+?)``", row[0]) for row in rows("monitoring.rst")]
    described = {names[0]: names[1:] for names in cells if names and "sockio_" in names[0]}
    assert described == found


def test_each_rule_of_origins_is_accepted():
    rules = [text for text in named("security.rst") if text[0] in "'["]
    rules = [text for text in rules if text not in OF_SAME_PEER]
    assert len(rules) > 5
    for rule in rules:
        io.listen(lambda environ, start_response: [], origins=ast.literal_eval(rule))


def test_each_status_of_the_protocol_has_its_row():
    used = {int(match[1]) for text in all_texts() if (match := re.match(r"(\d{3}) [A-Z]", text))}
    described = {int(row[0]) for row in rows("protocol.rst") if re.fullmatch(r"\d{3}", row[0])}
    assert described == used - {101, 200, 304}


def test_each_transport_of_the_browser_client_has_its_row():
    tried = re.findall(r"'([a-z-]+)'", re.search(r"transports: \[(.*?)\]", BROWSER_CLIENT, re.S)[1])
    described = [name for name in named("browser.rst") if name in KNOWN_TRANSPORTS]
    assert described == [*tried, "jsonp-polling"]
    assert tried == list(io.Options().transports), "what a server lets in unless it says otherwise"


def test_each_option_of_the_browser_client_has_its_row():
    defaults = re.search(r"merge\(\{\n(.*?)\n    \}, options\)", BROWSER_CLIENT, re.S)[1]
    options = dict(re.findall(r"^      (\w+): (.*?),?$", defaults, re.M))
    described = table("browser.rst")
    assert {*options, "port"} - set(described) == set()
    for name, value in options.items():
        if re.fullmatch(r"\d+|true|false|'.*'", value):
            assert described[name][0] == f"``{value}``"


@pytest.mark.parametrize("name", ["connect", "disconnect", "send", "on", "once", "isXDomain"])
def test_methods_of_the_browser_client_have_their_rows(name):
    assert f"Socket.prototype.{name} =" in BROWSER_CLIENT
    assert name in {text.split("(")[0] for text in named("browser.rst")}


def test_each_event_of_the_browser_client_has_its_row():
    emitted = set(re.findall(r"emit\('(\w+)'", BROWSER_CLIENT))
    assert emitted <= {text.split("(")[0] for text in named("browser.rst")}


# Payloads are for the tests of the protocol.
QUOTES = [block for block in all_blocks("text") if "~m~" not in block.text]


@pytest.mark.parametrize("block", QUOTES, ids=str)
def test_a_quoted_text_is_in_the_source(block):
    for line in block.text.splitlines():
        assert len(line.replace(BLANK, "")) > 10
        # Where texts are put together from several, only the last has no end of its own.
        quote = re.sub(rf"(: )?{BLANK}$", "", line)
        assert any(quote in text for text in all_texts()), line


def test_the_long_description_is_plain_restructuredtext():
    core = pytest.importorskip("docutils.core")
    settings = {"report_level": 2, "halt_level": 2, "file_insertion_enabled": False}
    html = core.publish_string(
        (ROOT / "README.rst").read_text(), writer="html5", settings_overrides=settings
    )
    assert b"sockio_gevent" in html


@pytest.mark.parametrize("page", ["README.rst", *(p.name for p in (ROOT / "docs").glob("*.rst"))])
def test_code_says_its_language(page):
    path = ROOT / page if page == "README.rst" else ROOT / "docs" / page
    for line in path.read_text().splitlines():
        assert not line.endswith("::") or re.match(r" *\.\. \w", line), line


def test_the_readme_links_to_pages_that_exist():
    links = re.findall(r"<(docs/.*?)>", (ROOT / "README.rst").read_text())
    assert len(links) > 10
    for link in links:
        assert (ROOT / link).is_file(), link


def test_each_line_of_the_nginx_file_is_explained():
    text = re.sub(r"#.*", "", (ROOT / "docs/nginx.conf").read_text())
    statements = [part.split() for part in re.split(r"[;{}]", text) if part.strip()]
    names = {words[words[0] == "proxy_set_header"] for words in statements}
    described = " ".join(" ".join(literals(row[0])) for row in rows("nginx.rst"))
    # The lines inside the map are explained together with it.
    assert names - {"default", '""'} - set(described.split()) == set()
