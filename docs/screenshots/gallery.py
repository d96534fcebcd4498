"""The gallery: every screen, from the real program signed in to a real server. `make.py --gallery` takes it.

The world is make.py's. Three more profiles come as newcomers: Noor creates an account, a tablet signs in to Ada's,
and one has a server of its own. A step is a picture's name and what leads to it from the step before.
Places are in pixels of a window of 360×720. The pasted picture needs xclip, the calls PulseAudio.
"""

import dataclasses
import os
import re
import sqlite3
import subprocess
import time
import types

from make import DESK, PHONE, SIDE, Camera, Profile, password, wait

NOOR, PASSPHRASE = "noor", "harbor lights"
BACK, SEARCH, COMPOSE = (24, 28), (288, 28), (336, 28)
CHATS, CALLS_TAB, SETTINGS = (60, 690), (180, 690), (300, 690)
DECLINE, ACCEPT, HANG_UP, KEYPAD, MINIMISE = (72, 625), (288, 625), (180, 625), (180, 520), (24, 28)
COMPOSER, HEADER = (180, 690), (150, 28)
PAGES = {"account": 112, "appearance": 190, "notifications": 242, "calls": 294, "devices": 346, "security": 398, "ignored": 450, "about": 502}


@dataclasses.dataclass
class World:
    server: object
    people: dict
    root: object
    args: object
    recovery_key: str
    #: The comparison that runs on the other side's command line.
    other_side: object = None
    #: Mira's end of a call.
    call: object = None

    def window(self, profile, out):
        camera = Camera(profile, out, self.args)
        camera.open()
        camera.size(PHONE)
        return camera


# What hands do.

def tap(x, y, pause=1.2):
    return lambda c, w: c.click(x, y, pause)


def hold(x, y):
    return lambda c, w: c.hold(x, y)


def keys(*names, pause=0.8):
    return lambda c, w: c.keys(*names, pause=pause)


def write(text):
    return lambda c, w: c.type(text)


def retype(text, pause=4):
    """Another text in the field that has the keys, and Enter."""
    return lambda c, w: (c.keys("ctrl+a", "BackSpace", pause=0.2), c.type(text), c.keys("Return", pause=pause))


def size(of):
    return lambda c, w: c.size(of)


def room(name):
    return lambda c, w: c.room(name)


def rest(seconds):
    return lambda c, w: time.sleep(seconds)


def wheel(times):
    def turn(c, w):
        c.tool("mousemove", 180, 400)
        for _ in range(times):
            c.tool("click", 5)
        time.sleep(1)
    return turn


def server_form(user, secret):
    """Server, user name and password; Enter goes from field to field."""
    def fill(c, w):
        c.type(w.server.url)
        c.keys("Tab", pause=2.5)
        c.type(user)
        c.keys("Return")
        c.type(secret)
    return fill


def protect(pause):
    """The passphrase, twice; its field has the keys."""
    return [write(PASSPHRASE), keys("Return"), write(PASSPHRASE), keys("Return", pause=pause)]


# What others do.

def invited(c, w):
    ada = w.people["ada"]
    w.people["teo"].create("Lighthouse keepers: rota, weather and supplies for the winter months", "Who is on duty, and what is missing", [ada])
    w.people["priya"].create("Allotment", "", [ada])
    time.sleep(4)


def picture_on_clipboard(c, w):
    subprocess.Popen(["xclip", "-selection", "clipboard", "-t", "image/png", "-i", str(w.root / "The lighthouse.png")], env=c.env, stderr=subprocess.DEVNULL)
    time.sleep(1)


def tidy_devices(c, w):
    """Names for Ada's devices in place of this machine's."""
    token, _ = w.server.login("ada", "Work laptop")
    here = w.people["ada"].run("whoami")["device_id"]
    for device in w.server.call("GET", "/_matrix/client/v3/devices", token=token)["devices"]:
        if device["display_name"] != "Work laptop":
            name = "Phone" if device["device_id"] == here else "Tablet"
            w.server.call("PUT", f"/_matrix/client/v3/devices/{device['device_id']}", {"display_name": name}, token)


def asked_to_verify(c, w):
    mira = w.people["mira"]
    w.other_side = subprocess.Popen(mira.command("verify", w.people["ada"].id), env=mira.env, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    time.sleep(5)


def other_side_agrees(c, w):
    print("yes", file=w.other_side.stdin, flush=True)
    w.other_side.wait(60)
    time.sleep(2)


def started_again(c, w):
    c.person.stop()
    c.open()
    c.size(PHONE)


def session_expires(c, w):
    """The server no longer takes the token, as after a time of its choice; no call of the protocol does that."""
    with sqlite3.connect(w.server.dir / "data" / "hardline-server.db") as database:
        database.execute("DELETE FROM refresh_tokens WHERE user_id LIKE ?", (f"@{NOOR}:%",))
        database.execute("UPDATE access_tokens SET expires_at = 1 WHERE user_id LIKE ?", (f"@{NOOR}:%",))
    database.close()
    w.people["teo"].create("Regatta", "", [types.SimpleNamespace(id=f"@{NOOR}:harbor.example")])
    time.sleep(5)


def device_removed(c, w):
    """Somebody signs this device out from another one."""
    token, user = w.server.login(NOOR, "Library computer")
    mine = w.server.call("GET", "/_matrix/client/v3/account/whoami", token=token)["device_id"]
    others = [d["device_id"] for d in w.server.call("GET", "/_matrix/client/v3/devices", token=token)["devices"] if d["device_id"] != mine]
    auth = {"type": "m.login.password", "identifier": {"type": "m.id.user", "user": user}, "password": password(NOOR)}
    w.server.call("POST", "/_matrix/client/v3/delete_devices", {"devices": others, "auth": auth}, token)
    time.sleep(2)


class SoundServer:
    """A PulseAudio without hardware: a loudspeaker nobody hears, and a microphone that hears a tone."""

    def __init__(self, root):
        self.dir = root / "sound"
        self.dir.mkdir(mode=0o700)
        self.socket = self.dir / "socket"
        modules = [f"module-native-protocol-unix auth-anonymous=1 socket={self.socket}",
                   "module-null-sink sink_name=speaker sink_properties=device.description=Earpiece",
                   "module-null-sink sink_name=headset sink_properties=device.description=Headset",
                   "module-null-sink sink_name=air", "module-sine sink=air frequency=440",
                   "module-remap-source source_name=microphone master=air.monitor source_properties=device.description=Microphone"]
        script = self.dir / "script.pa"
        script.write_text("".join(f"load-module {module}\n" for module in modules) + "set-default-sink speaker\nset-default-source microphone\n")
        env = {**os.environ, "HOME": str(self.dir), "XDG_RUNTIME_DIR": str(self.dir), "PULSE_RUNTIME_PATH": str(self.dir)}
        self.process = subprocess.Popen(["pulseaudio", "-n", "--daemonize=no", "--use-pid-file=no", "--exit-idle-time=-1", "--realtime=no",
                                         "--high-priority=no", "-F", script], env=env, stderr=subprocess.DEVNULL)
        wait("the sound server", self.socket.exists)

    def stop(self):
        self.process.terminate()
        self.process.wait()


def mira_calls(c, w):
    """Rings in Ada's window."""
    mira = w.people["mira"]
    w.call = subprocess.Popen(mira.command("call", "--audio-source", "test", w.people["ada"].id), env=mira.env, stdout=subprocess.DEVNULL)
    time.sleep(4)


def mira_hangs_up(c, w):
    w.call.terminate()
    w.call.wait()
    time.sleep(2)


def server_stops(c, w):
    w.server.stop()
    time.sleep(12)


def sent(text):
    return lambda c, w: (c.click(*COMPOSER), c.type(text), c.keys("Return", pause=6))


# The tours. A picture whose name is None is not taken.

CREATE = [
    ("welcome",),
    ("create-account", tap(180, 450), server_form(NOOR, password(NOOR)), keys("Return"), write(password(NOOR))),
    ("protect", keys("Return", pause=6)),
    ("empty-list", *protect(9)),
    ("recovery-set-up", tap(140, 140)),
    ("recovery-key", tap(180, 360, pause=8)),
    ("recovery-on", tap(300, 355), tap(180, 424), tap(*SETTINGS), tap(180, PAGES["security"]), tap(180, 100)),
    ("recovery-replace", tap(180, 254)),
    ("locked", started_again),
    ("locked-wrong", tap(160, 384), retype("harbour lights")),
    (None, retype(PASSPHRASE, pause=8)),
    ("sign-in-again", session_expires),
    (None, tap(160, 405), retype(password(NOOR), pause=8)),
    ("signed-out-elsewhere", device_removed),
]

SIGN_IN = [
    ("server-unreachable", tap(180, 368), write("http://127.0.0.1:9"), keys("Tab", pause=6)),
    ("sign-in", tap(150, 188), keys("ctrl+a", "BackSpace"), server_form("ada", "not this one")),
    ("sign-in-wrong", keys("Return", pause=4)),
    (None, retype(password("ada"), pause=6), *protect(10)),
    ("unverified-list",),
    ("unverified-room", room("Harbor")),
    ("recovery-enter", tap(*BACK), tap(*SETTINGS), tap(180, PAGES["security"]), tap(180, 100)),
    ("verify-waiting", tap(180, 348, pause=4)),
    (None, keys("Escape"), tap(180, 100)),
    ("recovery-wrong", lambda c, w: (c.type("EsT7 mgXy 77Qn 6B7F"), c.keys("Return", pause=5))),
    ("recovery-entered", lambda c, w: retype(w.recovery_key, pause=12)(c, w)),
]

SERVER = [
    ("own-server", tap(180, 530)),
    ("own-server-running", tap(180, 364, pause=8)),
    ("own-server-account", tap(180, 330)),
    (None, write("ada"), keys("Return"), write(password("ada")), keys("Return"), write(password("ada")), keys("Return", pause=8)),
    (None, *protect(10)),
    # Above the last page, for whom has such a server.
    ("settings-own-server", tap(*SETTINGS), tap(180, PAGES["about"], pause=3)),
]

MAIN = [
    ("list", invited),
    ("list-search", tap(*SEARCH), write("har")),
    ("list-invites", tap(*SEARCH), tap(90, 84)),
    ("room-menu", tap(35, 84), hold(180, 290)),
    ("leave", tap(100, 690)),
    ("invite", keys("Escape"), tap(180, 218)),
    ("room", tap(*BACK), room("Sunday")),
    ("message-menu", hold(150, 420)),
    ("emoji", tap(325, 403)),
    ("select-text", keys("Escape"), hold(150, 420), tap(100, 606)),
    ("reply", keys("Escape"), hold(150, 420), tap(100, 449), write("I carry the water")),
    (None, keys("Escape", "ctrl+a", "BackSpace")),
    ("suggestions", write("@pri")),
    (None, keys("ctrl+a", "BackSpace")),
    ("details", tap(*HEADER)),
    ("members", wheel(30)),
    ("member-menu", tap(150, 690)),
    ("find", keys("Escape", "Escape"), keys("ctrl+f"), write("stove"), keys("Return")),
    ("attachment", keys("Escape"), room("Mira"), picture_on_clipboard, tap(*COMPOSER), keys("ctrl+v", pause=3)),
    ("picture", tap(180, 190, pause=2)),
    ("new-conversation", keys("Escape"), keys("ctrl+n")),
    ("search-people", write("pri"), rest(2)),
    ("create-room", keys("ctrl+a", "BackSpace"), tap(180, 140)),
    ("join", keys("Escape"), keys("ctrl+n"), tap(180, 200)),
    ("join-failed", write("#nowhere:harbor.example"), keys("Return", pause=4)),
    ("jump", keys("Escape"), keys("ctrl+k"), write("r")),
    ("shortcuts", keys("Escape", "Escape"), keys("question")),
    ("verify-asked", keys("Escape"), asked_to_verify),
    ("verify-compare", keys("Tab", "Tab", "Return", pause=5)),
    ("verified", tap(180, 450), other_side_agrees),
    ("settings", keys("Escape"), tidy_devices, tap(*SETTINGS)),
    *[(f"settings-{name}", tap(*BACK), tap(180, y, pause=2.5)) for name, y in PAGES.items()],
    ("change-password", tap(*BACK), tap(180, PAGES["account"]), tap(180, 470)),
    ("sign-out", keys("Escape"), tap(*BACK), tap(100, 629)),
    ("side-list", keys("Escape"), tap(*CHATS), size(SIDE)),
    ("side-room", room("Sunday")),
    ("side-menu", hold(460, 120)),
    ("desk-details", keys("Escape"), size(DESK), keys("ctrl+i")),
    ("desk-settings-dark", keys("ctrl+comma"), tap(176, 186), tap(547, 212)),
    ("desk-menu-dark", tap(38, 29), lambda c, w: c.click(700, 560, button=3)),
    ("desk-new-dark", keys("Escape"), keys("ctrl+n")),
    ("desk-jump-dark", keys("Escape"), keys("ctrl+k")),
    ("offline-dark", keys("Escape"), size(PHONE), tap(*BACK), tap(*BACK), server_stops),
    ("waiting-dark", room("Sunday"), sent("Is anybody there?")),
]


CALLS = [
    (None, room("Mira")),
    ("call-rings", mira_calls),
    ("call", tap(*ACCEPT, pause=8)),
    ("call-keypad", tap(*KEYPAD), tap(60, 335)),
    ("call-sound", tap(180, 625, pause=1), tap(290, 520, pause=2)),
    ("call-strip", tap(*BACK), tap(*MINIMISE, pause=2)),
    ("call-over", tap(130, 28, pause=2), tap(*HANG_UP, pause=2)),
    (None, rest(6), mira_hangs_up),
    ("call-missed", mira_calls, mira_hangs_up, tap(*BACK), tap(*CHATS)),
    ("calls", tap(*CALLS_TAB, pause=2)),
    ("desk-call-rings", tap(*CHATS), room("Mira"), size(DESK), mira_calls),
    ("desk-call", lambda c, w: c.click(720, 132, pause=8)),
    (None, mira_hangs_up),
]


def walk(camera, world, steps, only):
    for name, *moves in steps:
        for move in moves:
            move(camera, world)
        if name and (only is None or re.search(only, name)):
            camera.shot(name, colors=256)


def take(world, only=None, part=None):
    """All pictures, or those of a part; `only` is a pattern of the names to keep."""
    out = world.args.out / "screens"
    out.mkdir(parents=True, exist_ok=True)
    sound = SoundServer(world.root)
    ada = world.people["ada"]
    for person in world.people.values():
        person.env["PULSE_SERVER"] = f"unix:{sound.socket}"
    newcomer = lambda who: Profile(world.args.programs, world.root, who)
    parts = {
        "create": lambda: (newcomer(NOOR), CREATE),
        "sign-in": lambda: (newcomer("tablet"), SIGN_IN),
        "server": lambda: (newcomer("own"), SERVER),
        "calls": lambda: (ada, CALLS),
        "main": lambda: (ada, MAIN),
    }
    try:
        for name, of in parts.items():
            if part not in (None, name):
                continue
            profile, steps = of()
            camera = world.window(profile, out)
            try:
                walk(camera, world, steps, only)
            finally:
                camera.close()
    finally:
        sound.stop()
