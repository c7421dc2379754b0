"""Twenty threads of one process that all want a token at once; run by test_tokens as a program."""

import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

from config import Settings
from tests.conftest import SECRET_KEY
from tests.platforms.conftest import WECOM_ACCOUNT
from wxtag.app import create_core
from wxtag.platforms import wecom

THREADS = 20


def crowd(redis_url: str, platform_url: str, data_dir: Path) -> set[str]:
    app = create_core(
        Settings(
            database_url=f"sqlite:///{data_dir / 'db'}",
            redis_url=redis_url,
            secret_key=SECRET_KEY,
            data_dir=data_dir,
            wecom_api_url=platform_url,
        )
    )
    together = Barrier(THREADS)

    def one(_: int) -> str:
        with app.app_context():
            together.wait(60)
            return wecom(WECOM_ACCOUNT).caller.tokens.current()

    with ThreadPoolExecutor(THREADS) as pool:
        return set(pool.map(one, range(THREADS)))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        print("ready", flush=True)
        sys.stdin.readline()
        print(",".join(crowd(sys.argv[1], sys.argv[2], Path(folder))), flush=True)
