"""What further sessions of one Python process cost: time to mount and memory of the one sidecar, at 1, 6 and 50 sessions.

Needs our package and a sign-in: against the stand-in server, give its addresses as JSON, e.g.
    python test/soak/amplifier_mounts.py '{"base_url": "...", "issuer": "...", "token_file_path": "..."}'
"""

import asyncio
import json
import statistics
import sys
import time

from amplifier_module_openai_chatgpt import ChatGPTProvider, trust_config


def resident(pid):
    with open(f"/proc/{pid}/status") as status:
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmRSS"))


async def main():
    trust_config()
    config = {**json.loads(sys.argv[1] if len(sys.argv) > 1 else "{}"), "login_on_mount": False}
    sessions, taken = [], []
    print("| sessions | mounted in, ms | each further, ms (median) | sidecar, MB | each further, MB |\n| --- | --- | --- | --- | --- |")
    first = 0.0
    for count in (1, 6, 50):
        began = time.perf_counter()
        while len(sessions) < count:
            one = time.perf_counter()
            provider = ChatGPTProvider(dict(config))
            await provider.warm()
            sessions.append(provider)
            taken.append((time.perf_counter() - one) * 1000)
        memory = resident(sessions[0].sidecar_pid)
        first = first or memory
        further = f"{statistics.median(taken[1:]):.1f}" if count > 1 else ""
        each = f"{(memory - first) / (count - 1):.2f}" if count > 1 else ""
        print(f"| {count} | {(time.perf_counter() - began) * 1000:.0f} | {further} | {memory:.0f} | {each} |", flush=True)
    await asyncio.gather(*(provider.close() for provider in sessions))


asyncio.run(main())
