"""Runs commands one after the other in one process: starting one for each takes seconds of processor time.

Reads a line of JSON for each (`arguments`, `stdin`), and answers with one (`code`, `stdout`, `stderr`).
"""

import json
import sys
import traceback

from config import load
from wsgi import create_app


def main() -> None:
    answers = sys.stdout
    sys.stdout = sys.stderr
    app = create_app(load())
    runner = app.test_cli_runner()
    for line in sys.stdin:
        given = json.loads(line)
        with app.app_context():
            result = runner.invoke(args=given["arguments"], input=given["stdin"])
        told = result.stderr
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            told += "".join(traceback.format_exception(result.exception))
        answer = {"code": result.exit_code, "stdout": result.stdout, "stderr": told}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
