"""matrix-nio driven by the tests: one JSON command a line on standard input, one JSON answer a line on standard output."""

import asyncio
import io
import json
import logging
import sys
import time

import nio

WAIT = 30.0


class Failed(Exception):
    """The homeserver or the library refused."""


def checked(response):
    """The response, or an exception if nio says it is an error."""
    if isinstance(response, nio.ErrorResponse):
        raise Failed(f"{type(response).__name__}: {response.status_code} {response.message}")
    return response


class Account:
    """One signed-in account with its own sync loop."""

    def __init__(self, base_url, user, store):
        config = nio.AsyncClientConfig(encryption_enabled=True, store_sync_tokens=True)
        self.client = nio.AsyncClient(base_url, user, store_path=store, config=config)
        self.messages = []
        self.changed = asyncio.Event()
        self.client.add_event_callback(self.on_event, nio.Event)
        self.client.add_response_callback(self.on_sync, nio.SyncResponse)
        self.task = None

    async def on_event(self, room, event):
        self.messages.append((room.room_id, event))

    async def on_sync(self, _response):
        self.changed.set()

    async def open(self, user, password, register=False):
        if register:
            checked(await self.client.register(user, password, "nio"))
            if self.client.olm is None:
                self.client.load_store()
        else:
            checked(await self.client.login(password, "nio"))
        checked(await self.client.sync(timeout=0, full_state=True))
        if self.client.should_upload_keys:
            checked(await self.client.keys_upload())
        self.task = asyncio.create_task(self.client.sync_forever(timeout=10000))
        return {"user_id": self.client.user_id, "device_id": self.client.device_id}

    async def until(self, check, what, timeout=WAIT):
        deadline = time.monotonic() + (timeout or WAIT)
        while True:
            value = check()
            if value:
                return value
            if self.task.done():
                raise Failed(f"the sync loop ended: {self.task.exception()!r}")
            left = deadline - time.monotonic()
            if left <= 0:
                raise Failed(f"timed out waiting for {what}")
            self.changed.clear()
            try:
                await asyncio.wait_for(self.changed.wait(), min(left, 0.5))
            except asyncio.TimeoutError:
                pass

    async def create_room(self, name=None, invite=(), encrypted=True, direct=False):
        state = [nio.EnableEncryptionBuilder().as_dict()] if encrypted else []
        made = checked(await self.client.room_create(name=name, invite=list(invite), is_direct=direct, initial_state=state))
        await self.until(lambda: made.room_id in self.client.rooms, f"room {made.room_id}")
        return {"room_id": made.room_id}

    async def accept_invite(self, room=None, timeout=None):
        def invited():
            return room if room in self.client.invited_rooms else next(iter(self.client.invited_rooms), None) if room is None else None

        room_id = await self.until(invited, f"an invitation to {room}", timeout)
        return await self.join(room_id, timeout)

    async def join(self, room, timeout=None):
        joined = checked(await self.client.join(room))
        await self.until(lambda: joined.room_id in self.client.rooms, f"room {joined.room_id}", timeout)
        return {"room_id": joined.room_id}

    async def wait_member(self, room, user, timeout=None):
        await self.until(lambda: user in self.client.rooms[room].users and not self.client.rooms[room].users[user].invited,
                         f"{user} in {room}", timeout)

    async def send(self, room, body):
        sent = checked(await self.client.room_send(room, "m.room.message", {"msgtype": "m.text", "body": body},
                                                   ignore_unverified_devices=True))
        return {"event_id": sent.event_id}

    async def wait_message(self, room, body, timeout=None):
        def find():
            for where, event in self.messages:
                if where == room and isinstance(event, nio.RoomMessageText) and event.body == body:
                    return event
            return None

        event = await self.until(find, f"message {body!r}", timeout)
        return {"event_id": event.event_id, "sender": event.sender, "encrypted": event.decrypted}

    async def history(self, room, limit=50):
        page = checked(await self.client.room_messages(room, limit=limit, direction=nio.MessageDirection.back))
        return [{"event_id": e.event_id, "sender": e.sender, "body": getattr(e, "body", None)} for e in page.chunk]

    async def upload(self, text, name):
        data = text.encode()
        sent, _keys = await self.client.upload(lambda *_: io.BytesIO(data), content_type="text/plain", filename=name, filesize=len(data))
        return {"uri": checked(sent).content_uri}

    async def download(self, uri):
        return {"text": checked(await self.client.download(uri)).body.decode()}

    async def profile(self, name):
        checked(await self.client.set_displayname(name))
        return {"name": checked(await self.client.get_displayname()).displayname}

    async def typing_and_receipt(self, room, event_id):
        checked(await self.client.room_typing(room, True))
        checked(await self.client.room_read_markers(room, event_id, event_id))

    async def redact(self, room, event_id):
        checked(await self.client.room_redact(room, event_id))

    async def leave(self, room):
        checked(await self.client.room_leave(room))

    async def devices(self):
        return [device.id for device in checked(await self.client.devices()).devices]

    async def close(self):
        if self.task:
            self.task.cancel()
        await self.client.close()


async def answer(accounts, command):
    op, name, args = command["op"], command.get("account"), command.get("args") or {}
    if op == "open":
        account = Account(args["base_url"], args["user"], args["store"])
        value = await account.open(args["user"], args["password"], args.get("register", False))
        accounts[name] = account
        return value
    if op.startswith("_"):
        raise Failed(f"no operation {op}")
    return await getattr(accounts[name], op)(**args)


async def main():
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING)
    accounts = {}
    loop = asyncio.get_running_loop()
    running = set()

    async def one(command):
        try:
            reply = {"id": command["id"], "ok": await answer(accounts, command)}
        except Exception as error:  # every failure is the caller's to judge
            reply = {"id": command["id"], "error": f"{type(error).__name__}: {error}"}
        print(json.dumps(reply), flush=True)

    while line := await loop.run_in_executor(None, sys.stdin.readline):
        task = asyncio.create_task(one(json.loads(line)))
        running.add(task)
        task.add_done_callback(running.discard)
    for account in accounts.values():
        await account.close()


asyncio.run(main())
