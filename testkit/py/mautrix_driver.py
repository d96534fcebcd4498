"""A small bridge made with mautrix, driven by the tests: it answers what people say as a ghost of theirs.

One JSON command a line on standard input, one JSON answer a line on standard output.
"""

import asyncio
import json
import logging
import sys
import time

from mautrix.appservice import AppService
from mautrix.appservice.state_store import FileASStateStore
from mautrix.types import EventType, Membership, MessageType

WAIT = 30.0
PREFIX = "_mx_"


class Failed(Exception):
    """What was waited for did not come."""


class Bridge:
    """An application service with a bot, and a ghost for everybody who speaks."""

    def __init__(self, server, domain, as_token, hs_token, id, bot, store):
        self.domain = domain
        self.seen = []
        self.changed = asyncio.Event()
        self.az = AppService(
            server=server, domain=domain, as_token=as_token, hs_token=hs_token, id=id, bot_localpart=bot,
            state_store=FileASStateStore(path=store, binary=False), query_user=self.on_query_user, ephemeral_events=True, default_http_retry_count=3,
        )
        self.az.matrix_event_handler(self.on_event)

    def is_own(self, user_id):
        return user_id == self.az.bot_mxid or user_id.startswith("@" + PREFIX)

    def ghost(self, user_id):
        """The ghost of somebody: a user of the bridge with their name."""
        localpart = user_id.split(":")[0].lstrip("@")
        return self.az.intent.user(f"@{PREFIX}{localpart}:{self.domain}")

    async def on_query_user(self, user_id):
        if not self.is_own(user_id):
            return None
        await self.az.intent.user(user_id).ensure_registered()
        return {}

    async def on_event(self, event):
        self.seen.append(event)
        self.changed.set()
        if event.type == EventType.ROOM_MEMBER and event.content.membership == Membership.INVITE:
            if self.is_own(event.state_key):
                me = self.az.intent if event.state_key == self.az.bot_mxid else self.az.intent.user(event.state_key)
                await me.join_room_by_id(event.room_id)
        elif event.type == EventType.ROOM_MESSAGE and not self.is_own(event.sender):
            if event.content.msgtype == MessageType.TEXT:
                await self.ghost(event.sender).send_text(event.room_id, f"echo: {event.content.body}")

    async def listen(self, port):
        await self.az.start("127.0.0.1", port)
        await self.az.intent.ensure_registered()
        return {"user_id": self.az.bot_mxid}

    async def ping(self):
        return await self.az.ping_self(txn_id="ping")

    async def whoami(self):
        return str((await self.az.intent.whoami()).user_id)

    async def heard(self, body=None, timeout=None):
        """Everything people said, in the order in which it came, once `body` is among it."""
        deadline = time.monotonic() + (timeout or WAIT)
        while True:
            said = [
                {"event_id": e.event_id, "sender": e.sender, "body": e.content.body}
                for e in self.seen
                if e.type == EventType.ROOM_MESSAGE and not self.is_own(e.sender)
            ]
            if body is None or any(message["body"] == body for message in said):
                return said
            if deadline <= time.monotonic():
                raise Failed(f"{body!r} was not heard, only {said}")
            self.changed.clear()
            try:
                await asyncio.wait_for(self.changed.wait(), 0.5)
            except asyncio.TimeoutError:
                pass

    async def typed(self, timeout=None):
        """Waits until somebody types, and says who."""
        deadline = time.monotonic() + (timeout or WAIT)
        while deadline > time.monotonic():
            for event in self.seen:
                if event.type == EventType.TYPING and event.content.user_ids:
                    return list(event.content.user_ids)
            await asyncio.sleep(0.1)
        raise Failed("nobody was seen typing")

    async def create_room(self, name, alias, invite):
        return await self.az.intent.create_room(name=name, alias_localpart=alias, invitees=invite)

    async def rename(self, room, name):
        return await self.az.intent.set_room_name(room, name)

    async def profile(self, user, name):
        ghost = self.az.intent.user(user)
        await ghost.set_displayname(name)

    async def say_as(self, user, room, body, timestamp):
        return await self.az.intent.user(user).send_text(room, body, timestamp=timestamp)

    async def close(self):
        await self.az.stop()


async def main():
    logging.basicConfig(stream=sys.stderr, level=logging.DEBUG)
    bridge = None
    loop = asyncio.get_running_loop()
    running = set()

    async def one(command):
        nonlocal bridge
        try:
            op, args = command["op"], command.get("args") or {}
            if op == "open":
                port = args.pop("port")
                bridge = Bridge(**args)
                value = await bridge.listen(port)
            elif op.startswith("_"):
                raise Failed(f"no operation {op}")
            else:
                value = await getattr(bridge, op)(**args)
            reply = {"id": command["id"], "ok": value}
        except Exception as error:  # every failure is the caller's to judge
            logging.exception("a command failed")
            reply = {"id": command["id"], "error": f"{type(error).__name__}: {error}"}
        print(json.dumps(reply), flush=True)

    while line := await loop.run_in_executor(None, sys.stdin.readline):
        task = asyncio.create_task(one(json.loads(line)))
        running.add(task)
        task.add_done_callback(running.discard)
    if bridge:
        await bridge.close()


asyncio.run(main())
