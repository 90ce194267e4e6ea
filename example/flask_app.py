"""A lobby: come in under a name, see who else is there, and say something.

It is a Flask application like any other, and ``io.listen(app)`` is all that makes it
live. The name of a user is in Flask's own session, a signed cookie: handlers read it
from the request that connected, so nobody can speak under another's name.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial

from gevent.pywsgi import WSGIServer
from serving import command_line, give_up, serve

import sockio_gevent as io

try:
    from flask import Flask, redirect, render_template, request, session
    from werkzeug.wrappers import Response
except ModuleNotFoundError:
    give_up("this needs Flask: pip install 'sockio_gevent[flask]'")

LONGEST_NAME = 30
LONGEST_WORDS = 200

app = Flask(__name__, template_folder=".")
# A new one at each start logs everybody out; a real site keeps its key.
app.secret_key = secrets.token_bytes()
app.config["SESSION_COOKIE_SAMESITE"] = "Lax"

socket = io.listen(app)


@dataclass
class Person:
    """Somebody who is there, in one window or in several."""

    id: str
    name: str
    says: str = ""
    clients: set[io.Client] = field(default_factory=set)

    def card(self) -> dict[str, str]:
        """The public data of a person."""
        return {"id": self.id, "name": self.name, "says": self.says}


people: dict[str, Person] = {}


@socket.on("connection")
def connected(client: io.Client) -> None:
    """Show a newcomer who is there, and show the others the newcomer."""
    with app.request_context(client.environ):
        user, name = session.get("id"), session.get("name")
    if user is None or name is None:
        send_away([client])
        return
    if user not in people:
        people[user] = Person(user, name)
        client.broadcast({"came": people[user].card()})
    person = people[user]
    person.clients.add(client)
    client.send({"you": user, "people": [other.card() for other in people.values()]})

    @client.on("message")
    def said(text: object) -> None:
        # Clients may send anything that JSON can express.
        if isinstance(text, str) and (words := one_line(text, LONGEST_WORDS)):
            person.says = words
            socket.broadcast({"said": [user, words]})

    @client.on("disconnect")
    def left() -> None:
        person.clients.discard(client)
        if not person.clients:
            del people[user]
            socket.broadcast({"left": user})


@app.get("/")
def index() -> str:
    """The lobby, or its door."""
    return render_template("flask_app.html", name=session.get("name"), count=len(people))


@app.post("/login")
def login() -> Response | tuple[str, int]:
    """Come in under the name in the form."""
    name = one_line(request.form.get("name", ""), LONGEST_NAME)
    problem = ""
    if not name:
        problem = "Please write a name."
    elif any(person.name.casefold() == name.casefold() for person in people.values()):
        problem = "Somebody of this name is in the lobby already."
    if problem:
        page = render_template("flask_app.html", problem=problem, wanted=name, count=len(people))
        return page, 422
    session["id"], session["name"] = secrets.token_hex(8), name
    return redirect("/", 303)


@app.post("/logout")
def logout() -> Response:
    """Leave, with all windows."""
    answer = redirect("/", 303)
    person = people.get(session.get("id", ""))
    if person is not None:
        # Later, when the browser has the new cookie: before, a page would still be logged in.
        answer.call_on_close(partial(send_away, person.clients))
    session.clear()
    return answer


def send_away(clients: Iterable[io.Client]) -> None:
    """Let pages go back to the door."""
    for client in list(clients):
        client.send({"login": True})
        client.disconnect()


def one_line(text: str, longest: int) -> str:
    """A text without line breaks and superfluous spaces."""
    return " ".join(text.split())[:longest]


if __name__ == "__main__":
    options = command_line("A lobby: who is here, and what do they say?")
    # Without an access log: long polls would flood it.
    serve(WSGIServer((options.host, options.port), app, log=None), socket)
