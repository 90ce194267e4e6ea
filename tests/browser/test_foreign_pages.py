"""A page of another site, in the browser of a user of this site."""

import pytest

PAGE = "tests/browser/page_server.py"

# Each tries to reach the server of another page; "failed" is all that it may learn.
ATTEMPTS = {
    "script": """url => new Promise(done => {
      window.io = {JSONP: [{_: payload => done(payload)}]};
      var script = document.createElement('script');
      script.referrerPolicy = POLICY;
      script.src = url + 'jsonp-polling//1/0';
      script.onerror = () => done('failed');
      script.onload = () => done('loaded');
      document.head.appendChild(script);
    })""",
    "websocket": """url => new Promise(done => {
      var socket = new WebSocket(url.replace('http', 'ws') + 'websocket');
      socket.onopen = () => done('open');
      socket.onerror = () => done('failed');
    })""",
    "stream": """url => new Promise(done => {
      var source = new EventSource(url + 'server-events', {withCredentials: true});
      source.onmessage = event => done(event.data);
      source.onerror = () => done('failed');
    })""",
    "fetch": """url => fetch(url + 'xhr-polling', {credentials: 'include'})
      .then(answer => answer.text(), () => 'failed')""",
    "frame": """url => new Promise(done => {
      var frame = document.createElement('iframe');
      frame.referrerPolicy = POLICY;
      frame.src = url + 'htmlfile';
      frame.onload = () => done('failed');
      document.body.appendChild(frame);
    })""",
    "form": """url => fetch(url + 'xhr-polling/0123456789/send', {
      method: 'POST', mode: 'no-cors', credentials: 'include', referrerPolicy: POLICY,
      body: new URLSearchParams({data: '~m~5~m~hello'})
    }).then(answer => answer.text()).then(text => text || 'failed')""",
}


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"], ids=["same-site", "cross-site"])
@pytest.mark.parametrize("policy", ["unsafe-url", "no-referrer"])
@pytest.mark.parametrize("attempt", ATTEMPTS.values(), ids=ATTEMPTS)
def test_a_page_of_another_site_gets_nothing(start, page_url, new_page, attempt, policy, host):
    ours = start(PAGE, "--origins", "self")
    page = new_page(page_url.replace("127.0.0.1", host))
    script = attempt.replace("POLICY", repr(policy))
    assert page.evaluate(script, f"{ours.url}/socket.io/") == "failed"
    ours.wait_line("(403 Forbidden): the origin ")
    assert not any(" opened" in line for line in ours.log())


@pytest.mark.parametrize("attempt", ["script", "websocket", "stream", "fetch"])
def test_the_server_s_own_page_connects_in_the_same_way(start, new_page, attempt):
    """This shows that the attempts above do not fail for another reason."""
    ours = start(PAGE, "--origins", "self")
    script = ATTEMPTS[attempt].replace("POLICY", "'unsafe-url'")
    assert new_page(ours.url).evaluate(script, f"{ours.url}/socket.io/") != "failed"
    ours.wait_line(" opened")


TRANSPORTS = ["server-events", "htmlfile", "xhr-multipart", "xhr-polling", "jsonp-polling//1/0"]


@pytest.mark.parametrize("place", TRANSPORTS)
def test_no_stream_and_no_poll_is_opened_as_a_page(start, new_page, place):
    ours = start(PAGE)
    page = new_page(ours.url)
    answer = page.goto(f"{ours.url}/socket.io/{place}")
    name = place.partition("/")[0]
    assert (answer.status, answer.text()) == (
        403,
        f"{name} is for scripts, not to be opened as a page\n",
    )
    lines = ours.log()
    assert not any(line.endswith(" opened") for line in lines), lines
