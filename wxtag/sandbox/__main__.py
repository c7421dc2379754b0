"""`python -m wxtag.sandbox`: the sandbox in the foreground until it is told to stop."""

import argparse
import signal
import threading

from wxtag.sandbox.app import create_sandbox
from wxtag.sandbox.serve import serve


def main() -> None:
    parser = argparse.ArgumentParser(prog="wxtag.sandbox", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8001)
    parser.add_argument("--state", help="directory for the memory; without it nothing is kept")
    parser.add_argument("--product", help="base URL of the product, for its mini-program clients")
    chosen = parser.parse_args()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    app = create_sandbox(chosen.state, chosen.product)
    running = serve(app, chosen.port, chosen.host)
    print(f"sandbox on {running.url}", flush=True)
    stop.wait()
    running.stop()


if __name__ == "__main__":
    main()
