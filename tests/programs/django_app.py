"""A Django project in one file, served by gevent."""

from gevent import monkey

monkey.patch_all()

import argparse
import logging
import sqlite3
import sys

import django
from django.conf import settings

parser = argparse.ArgumentParser()
parser.add_argument("--port", type=int, default=0)
parser.add_argument("--database", required=True)
parser.add_argument("--max-age", type=int, default=0)
options = parser.parse_args()

settings.configure(
    ALLOWED_HOSTS=["127.0.0.1"],
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": options.database,
            "CONN_MAX_AGE": options.max_age,
        }
    },
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    INSTALLED_APPS=[
        "django.contrib.contenttypes",
        "django.contrib.auth",
        "django.contrib.sessions",
    ],
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
    ],
    ROOT_URLCONF=__name__,
    SECRET_KEY="for tests",
)
django.setup()

from django.contrib.auth import authenticate, get_user, login
from django.contrib.auth.models import User
from django.contrib.sessions.middleware import SessionMiddleware
from django.core.handlers.wsgi import WSGIRequest
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application
from django.db import connection
from django.db.backends.signals import connection_created
from django.dispatch import receiver
from django.http import HttpResponse
from django.urls import path
from gevent.pywsgi import WSGIServer

import sockio_gevent as io

connections = []


@receiver(connection_created)
def created(connection, **more):
    connections.append(connection.connection)


def is_open(connection):
    try:
        return connection.total_changes >= 0
    except sqlite3.ProgrammingError:
        return False


def index(request):
    return HttpResponse(f"{User.objects.count()} users")


def log_in(request, name):
    login(request, authenticate(request, username=name, password="secret"))
    return HttpResponse("welcome")


def count_open(request):
    return HttpResponse(f"{sum(map(is_open, connections))} connections")


urlpatterns = [path("", index), path("login/<name>/", log_in), path("open/", count_open)]
application = socket = io.listen(get_wsgi_application())


@socket.on("connection")
def connected(client):
    request = WSGIRequest(client.environ)
    SessionMiddleware(HttpResponse).process_request(request)
    client.send(f"hello, {get_user(request).username or 'stranger'}")


@socket.on("clientMessage")
def message(text, client):
    was_open = connection.connection is not None
    User.objects.create(username=text)
    client.send({"was open": was_open, "users": User.objects.count()})
    if text == "fail":
        raise LookupError("oh no")


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    call_command("migrate", verbosity=0)
    User.objects.create_user("ada", password="secret")
    connection.close()
    server = WSGIServer(("127.0.0.1", options.port), application, log=sys.stdout)
    server.start()
    print(f"http://127.0.0.1:{server.server_port}/")
    server.serve_forever()
