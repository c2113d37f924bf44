"""What further sessions of one Python process cost at 1, 6 and 50 sessions: time to mount, and what the process and the one sidecar
spend on it in processor time, which other programs' load leaves as it is, and in memory.

Needs our package and a sign-in: against the stand-in server, give its addresses as JSON, e.g.
    python test/soak/amplifier_mounts.py '{"base_url": "...", "issuer": "...", "token_file_path": "..."}'
"""

import asyncio
import json
import os
import statistics
import sys
import time

from amplifier_module_openai_chatgpt import ChatGPTProvider, trust_config


def spent(pid):
    """Milliseconds of processor time, of this process and of another."""
    with open(f"/proc/{pid}/stat") as stat:
        ticks = stat.read().rsplit(")", 1)[1].split()[11:13]
    own = os.times()
    return 1000 * (sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK") + own.user + own.system)


def resident(pid):
    with open(f"/proc/{pid}/status") as status:
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmRSS"))


async def settle(pid):
    """Until neither process works: what a first session loads in the background is no further session's."""
    before = -1.0
    while (now := spent(pid)) - before > 20:
        before = now
        await asyncio.sleep(1)


async def main():
    trust_config()
    config = {**json.loads(sys.argv[1] if len(sys.argv) > 1 else "{}"), "login_on_mount": False}
    sessions, taken = [], []
    print("| sessions | mounted in, ms | each further, ms (median) | processor, ms each further | sidecar, MB | each further, MB in both |\n| --- | --- | --- | --- | --- | --- |")
    first = used = 0.0
    for count in (1, 6, 50):
        began = time.perf_counter()
        while len(sessions) < count:
            one = time.perf_counter()
            provider = ChatGPTProvider(dict(config))
            await provider.warm()
            sessions.append(provider)
            taken.append((time.perf_counter() - one) * 1000)
        pid = sessions[0].sidecar_pid
        seconds = time.perf_counter() - began
        await settle(pid)
        memory = resident(pid) + resident("self")
        first, used = first or memory, used or spent(pid)
        further = f"{statistics.median(taken[1:]):.1f}" if count > 1 else ""
        each = f"{(memory - first) / (count - 1):.2f}" if count > 1 else ""
        work = f"{(spent(pid) - used) / (count - 1):.1f}" if count > 1 else ""
        print(f"| {count} | {seconds * 1000:.0f} | {further} | {work} | {resident(pid):.0f} | {each} |", flush=True)
    await asyncio.gather(*(provider.close() for provider in sessions))


asyncio.run(main())
