"""Stands for the Python module where a test has both programs on one file: its record, its lock, its rule of refreshing.

Written from what its documentation says of them. For each line on stdin it makes sure of a token and answers a line of
JSON: the access token, or the reason why there is none. The lock is the published filelock, which the module uses.
"""

import json
import os
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

from filelock import FileLock, Timeout

PATH, TOKEN_URL = sys.argv[1:3]
SCOPE = "chatgpt.tokens.use.direct"
RESOURCE = "https://api.openai.com/v1"


def take_lock():
    lock = FileLock(PATH + ".lock", mode=0o600)
    until = time.monotonic() + 240
    while True:
        try:
            lock.acquire(timeout=0)
            return lock
        except Timeout:
            if time.monotonic() > until:
                raise RuntimeError("the credential is busy") from None
            time.sleep(0.05)


def write(record):
    handle, temporary = tempfile.mkstemp(prefix=".chatgpt-", dir=os.path.dirname(PATH))
    os.fchmod(handle, 0o600)
    with os.fdopen(handle, "w") as file:
        json.dump(record, file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, PATH)


def exchange(record):
    fields = {"grant_type": "refresh_token", "client_id": record["client_id"], "refresh_token": record["refresh_token"], "resource": RESOURCE}
    try:
        with urllib.request.urlopen(TOKEN_URL, urllib.parse.urlencode(fields).encode(), timeout=60) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        raise RuntimeError(f"the issuer answered {error.code}: {error.read().decode()}") from None


def ensure():
    lock = take_lock()
    try:
        with open(PATH) as file:
            record = json.load(file)
        if record.get("auth_mode") != "chatgpt_plan":
            raise RuntimeError("this is no plan sign-in")
        missing = [key for key in ("client_id", "subject", "access_token") if not record.get(key)]
        if missing:
            raise RuntimeError(f"the record has no {', '.join(missing)}")
        if SCOPE not in record.get("scopes", []):
            raise RuntimeError("plan usage is not enabled")
        expires = record.get("expires_at")
        if isinstance(expires, (int, float)) and expires > time.time() + 60:
            return record["access_token"]
        got = exchange(record)
        scope = got.get("scope")
        # It keeps what it knows, and nothing else.
        write({
            "auth_mode": "chatgpt_plan", "client_id": record["client_id"], "ext_agent_host_id": record["ext_agent_host_id"],
            "issuer": record["issuer"], "subject": record["subject"], "email": record.get("email"), "access_token": got["access_token"],
            "refresh_token": got.get("refresh_token") or record.get("refresh_token"), "id_token": got.get("id_token") or record.get("id_token"),
            "token_type": "Bearer", "scopes": scope.split() if isinstance(scope, str) else record.get("scopes", []),
            "expires_at": time.time() + got["expires_in"], "saved_at": time.time(),
        })
        return got["access_token"]
    finally:
        lock.release()


print(json.dumps({"ready": True}), flush=True)
for _ in sys.stdin:
    try:
        print(json.dumps({"access_token": ensure()}), flush=True)
    except (RuntimeError, KeyError, OSError, ValueError) as error:
        print(json.dumps({"error": f"{type(error).__name__}: {error}"}), flush=True)
