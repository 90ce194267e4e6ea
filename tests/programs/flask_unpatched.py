"""A Flask program that has forgotten about monkey-patching."""

import argparse

from flask import Flask

import sockio_gevent as io

app = Flask(__name__)
socket = io.listen(app)


@app.get("/")
def index():
    return "the page"


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    app.run(port=parser.parse_args().port)
