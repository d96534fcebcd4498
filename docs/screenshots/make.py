#!/usr/bin/env python3
"""Takes the pictures of the README from the real program, signed in to a real server with made-up people.

    cargo build --workspace
    docs/screenshots/make.py --programs target/debug --out docs/screenshots
    docs/screenshots/make.py --programs target/debug --out docs/screenshots --gallery

The second takes the pictures of every screen (gallery.py). Needs Xvfb, xdotool and ImageMagick; the gallery xclip and PulseAudio too. Everything runs on loopback and in a temporary folder, and ends with the script.
"""

import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request

NAME = "harbor.example"
PHONE, SIDE, DESK = (360, 720), (720, 360), (1200, 800)
PEOPLE = {
    "ada": ("Ada Castellan", ("#5b5bd6", "#9d6bff")),
    "mira": ("Mira Solberg", ("#ff9966", "#d3356c")),
    "jonas": ("Jonas Weber", ("#2b78e4", "#36d1c4")),
    "priya": ("Priya Raman", ("#0f9a8b", "#8bd450")),
    "teo": ("Teo Marchetti", ("#dd6130", "#f6c453")),
}


def picture(path, colors, seed):
    """A soft picture: a gradient and some hills, different for each seed."""
    w, h = 640, 420
    hills = []
    for n in range(3):
        base = 230 + n * 60
        points = [(x, base - ((x * (n + 2) * 7 + seed * 131) % 90) * (1 if (x // 80 + seed + n) % 2 else 0.35)) for x in range(0, w + 1, 80)]
        spots = " ".join(f"{x},{y:.0f}" for x, y in points)
        hills += ["-fill", f"rgba({18 + n * 14},{38 + n * 18},{66 + n * 22},{0.45 + n * 0.2})", "-draw", f"polygon 0,{h} {spots} {w},{h}"]
    subprocess.run(["convert", "-size", f"{w}x{h}", f"gradient:{colors[0]}-{colors[1]}", "-fill", "rgba(255,244,214,0.9)",
                    "-draw", f"circle {140 + seed * 83 % 340},120 {140 + seed * 83 % 340},158", *hills, "-blur", "0x1", str(path)], check=True)


def avatar(path, colors, seed):
    """A face of shapes on a gradient."""
    shapes = {
        0: "circle 128,96 128,52 path 'M 40,256 C 40,170 216,170 216,256 Z'",
        1: "polygon 128,50 206,190 50,190",
        2: "circle 128,128 128,70 circle 128,128 128,110",
        3: "path 'M 60,180 C 60,60 196,60 196,180 Z'",
    }[seed % 4]
    subprocess.run(["convert", "-size", "256x256", f"gradient:{colors[0]}-{colors[1]}", "-fill", "rgba(255,255,255,0.82)", "-draw", shapes, str(path)], check=True)


def password(who):
    return f"{who}-harbor-7"


class Server:
    def __init__(self, programs, root):
        self.dir = root / "server"
        self.dir.mkdir()
        config, ready = self.dir / "server.toml", self.dir / "ready"
        config.write_text(
            f'[server]\nname = "{NAME}"\n[listen]\nport = 0\n[storage]\npath = "data"\n[registration]\nopen = true\n'
            "[rate_limits]\nenabled = false\n")
        self.log = open(self.dir / "log", "w")
        self.process = subprocess.Popen([programs / "hardline-server", "--config", config, "--ready-file", ready], stdout=self.log, stderr=self.log)
        wait("the server", lambda: ready.exists() and ready.read_text().endswith("\n"))
        self.url = "http://127.0.0.1:" + ready.read_text().strip().rsplit(":", 1)[1].rstrip("/")

    def call(self, method, path, body=None, token=None, content_type="application/json"):
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data, method=method, headers={"Content-Type": content_type})
        if token:
            request.add_header("Authorization", f"Bearer {token}")
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.load(answer)

    def login(self, who, device):
        """A session beside the program's: its token, and the person's id."""
        answer = self.call("POST", "/_matrix/client/v3/login", {
            "type": "m.login.password", "identifier": {"type": "m.id.user", "user": who}, "password": password(who), "initial_device_display_name": device})
        return answer["access_token"], answer["user_id"]

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait()


class Profile:
    """A folder of the program's, with nobody signed in yet, and the program on it."""

    def __init__(self, programs, root, who):
        self.who, self.program = who, programs / "hardline"
        self.home = root / who
        self.home.mkdir()
        (self.home / "run").mkdir(mode=0o700)
        self.env = {
            "PATH": os.environ["PATH"], "HOME": str(self.home), "XDG_RUNTIME_DIR": str(self.home / "run"),
            "XDG_CONFIG_HOME": str(self.home / "config"), "XDG_DATA_HOME": str(self.home / "data"),
            "XDG_CACHE_HOME": str(self.home / "cache"), "XDG_STATE_HOME": str(self.home / "state"), "LANG": "C.UTF-8", "TZ": "Europe/Oslo",
            "DBUS_SESSION_BUS_ADDRESS": "unix:path=/nonexistent/bus",
        }
        self.process = None

    def command(self, *args):
        return [self.program, "--profile", self.home / "profile", "--json", *args]

    def run(self, *args):
        done = subprocess.run(self.command(*args), env=self.env, capture_output=True, text=True, timeout=120)
        if done.returncode:
            sys.exit(f"{self.who}: {args}: {done.returncode}\n{done.stdout}\n{done.stderr}")
        lines = [line for line in done.stdout.splitlines() if line.strip()]
        return json.loads(lines[-1]) if lines else None

    def start(self, *args, env=()):
        self.log = open(self.home / "log", "a")
        self.process = subprocess.Popen([self.program, "--profile", self.home / "profile", *args], env={**self.env, **dict(env)}, stdout=self.log, stderr=self.log)

    def stop(self):
        if self.process:
            self.process.terminate()
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.process.kill()
            self.process = None


class Person(Profile):
    """An account, used through the command line of the program that runs in the background on its profile."""

    def __init__(self, programs, root, server, who):
        super().__init__(programs, root, who)
        self.server = server
        self.name, self.colors = PEOPLE[who]
        self.env |= {"HARDLINE_PASSPHRASE": "harbor lights", "HARDLINE_PASSWORD": password(who)}
        self.run("register", "--server", server.url, who)
        self.token, self.id = server.login(who, "Painter")
        self.dress()

    def dress(self):
        """Name and avatar, then the painter's device goes."""
        file = self.home / "avatar.png"
        avatar(file, self.colors, sorted(PEOPLE).index(self.who))
        mxc = self.server.call("POST", "/_matrix/media/v3/upload?filename=avatar.png", file.read_bytes(), self.token, "image/png")["content_uri"]
        profile = f"/_matrix/client/v3/profile/{urllib.parse.quote(self.id)}"
        self.server.call("PUT", f"{profile}/displayname", {"displayname": self.name}, self.token)
        self.server.call("PUT", f"{profile}/avatar_url", {"avatar_url": mxc}, self.token)
        self.server.call("POST", "/_matrix/client/v3/logout", {}, self.token)

    def say(self, room, text, **kw):
        args = ["send", room, text]
        if "file" in kw:
            args = ["send", room, *([text] if text else []), "--file", str(kw["file"])]
        if "reply_to" in kw:
            args += ["--reply-to", kw["reply_to"]]
        return find(self.run(*args), "event_id")

    def create(self, name="", topic="", invite=(), direct=False):
        args = ["create"] + (["--name", name] if name else []) + (["--topic", topic] if topic else [])
        for who in invite:
            args += ["--invite", who.id]
        return find(self.run(*args, *(["--direct"] if direct else [])), "room_id", "room")

    def react(self, room, event, key):
        self.run("react", room, event, key)


def find(value, *keys):
    """The first of these keys anywhere in an answer."""
    if isinstance(value, dict):
        for key in keys:
            if isinstance(value.get(key), str):
                return value[key]
        for inner in value.values():
            if (found := find(inner, *keys)) is not None:
                return found
    if isinstance(value, list):
        for inner in value:
            if (found := find(inner, *keys)) is not None:
                return found
    return None


def wait(what, ready, limit=60):
    end = time.time() + limit
    while time.time() < end:
        if ready():
            return
        time.sleep(0.1)
    sys.exit(f"{what}: not within {limit} s")


def joined(person, room, limit=60):
    def accept():
        return subprocess.run(person.command("join", room), env=person.env, capture_output=True, timeout=60).returncode == 0
    wait(f"{person.who} joins", accept, limit)


def converse(people, root):
    """A day in the harbor."""
    ada, mira, jonas, priya, teo = (people[who] for who in ("ada", "mira", "jonas", "priya", "teo"))
    club = ada.create("Book club", "Chapter by chapter", [mira, priya])
    crew = teo.create("Harbor crew", "Boats, weather, coffee", [ada, mira, jonas])
    trip = jonas.create("Sunday hike", "North ridge, 8:12 train", [ada, priya])
    dm_priya = priya.create(invite=[ada], direct=True)
    dm_jonas = jonas.create(invite=[ada], direct=True)
    dm_mira = mira.create(invite=[ada], direct=True)
    for who, room in [(mira, club), (priya, club), (ada, crew), (mira, crew), (jonas, crew), (ada, trip), (priya, trip), (ada, dm_priya), (ada, dm_jonas), (ada, dm_mira)]:
        joined(who, room)
    time.sleep(3)

    mira.say(club, "Chapter nine tonight?")
    priya.say(club, "I am only on seven, no spoilers please 🙈")
    jonas.say(dm_jonas, "Could you send me the *photos* from last time?")
    ada.say(dm_jonas, "Sure, tonight")
    priya.say(dm_priya, "The build is green again 🎉")
    priya.say(trip, "I bring the stove")
    ada.say(trip, "And I the coffee ☕")
    plan = jonas.say(trip, "## What to bring\n\n- Water, two liters each\n- A warm layer\n- `ridge.gpx` on your phone\n\n> No plan survives the first mile.")
    priya.react(trip, plan, "👍")
    ada.react(trip, plan, "👍")

    ada.say(crew, "Morning all")
    wind = teo.say(crew, "Wind 4 from the northwest, dropping by noon")
    mira.react(crew, wind, "🌬️")
    jonas.say(crew, "I take the early boat then")

    mira.say(dm_mira, "Are you coming along tomorrow?")
    question = mira.say(dm_mira, "We would take the ferry out to the lighthouse and be back for dinner")
    ada.say(dm_mira, "Yes! I have wanted to see it for years", reply_to=question)
    view = root / "The lighthouse.png"
    picture(view, ("#ffb88c", "#5b7bd6"), 3)
    photo = mira.say(dm_mira, "", file=view)
    ada.react(dm_mira, photo, "😍")
    ada.say(dm_mira, "Which one do we take?")
    ferry = mira.say(dm_mira, "The **8:12**, from pier `4b`. Here is [the timetable](https://example.org/ferry)")
    ada.react(dm_mira, ferry, "👍")
    ada.say(dm_mira, "Perfect, see you at the pier 👋")
    time.sleep(2)
    return dm_mira


class Camera:
    """The window under Xvfb, steered by keys and clicks, seen with `import`."""

    def __init__(self, person, out, args):
        self.person, self.out, self.args = person, out, args
        read, write = os.pipe()
        self.x = subprocess.Popen(["Xvfb", "-displayfd", str(write), "-nolisten", "tcp", "-noreset", "-screen", "0", "1200x800x24"], pass_fds=[write], stderr=subprocess.DEVNULL)
        os.close(write)
        self.display = ":" + os.fdopen(read).readline().strip()
        self.env = {**os.environ, "DISPLAY": self.display}
        self.window = None

    def tool(self, *args):
        return subprocess.run(["xdotool", *map(str, args)], env=self.env, capture_output=True, text=True).stdout.strip()

    def open(self):
        self.person.start("--renderer", self.args.renderer, env={"DISPLAY": self.display}.items())
        wait("the window", lambda: self.find() is not None, 90)
        time.sleep(3)
        self.tool("windowfocus", self.window)

    def find(self):
        ids = self.tool("search", "--onlyvisible", "--name", "Hardline").split()
        self.window = ids[-1] if ids else None
        return self.window

    def size(self, size):
        self.tool("windowmove", self.window, 0, 0)
        self.tool("windowsize", self.window, *size)
        time.sleep(1.5)
        self.now = size

    def keys(self, *keys, pause=0.7):
        for key in keys:
            self.tool("key", "--window", self.window, key)
            time.sleep(0.15)
        time.sleep(pause)

    def type(self, text, pause=1.0):
        self.tool("type", "--window", self.window, "--delay", "40", text)
        time.sleep(pause)

    def click(self, x, y, pause=1.2, button=1):
        self.tool("mousemove", x, y)
        time.sleep(0.1)
        self.tool("click", button)
        time.sleep(pause)

    def hold(self, x, y):
        """A finger that stays."""
        self.tool("mousemove", x, y)
        self.tool("mousedown", 1)
        time.sleep(1)
        self.tool("mouseup", 1)
        time.sleep(1)

    def shot(self, name, colors=None):
        self.tool("mousemove", 1199, 799)
        time.sleep(0.4)
        w, h = self.now
        file = self.out / f"{name}.png"
        reduced = ["+dither", "-colors", str(colors)] if colors else []
        target = f"png8:{file}" if colors else str(file)
        subprocess.run(["import", "-window", "root", "-crop", f"{w}x{h}+0+0", "+repage", *reduced, "-strip", "-define", "png:compression-level=9", target], env=self.env, check=True)
        print(file)

    def room(self, name):
        """Goes to a room by the jump dialog."""
        self.keys("ctrl+k")
        self.type(name)
        self.keys("Return", pause=2.5)

    def close(self):
        self.person.stop()
        self.x.terminate()
        self.x.wait()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--programs", type=pathlib.Path, default=pathlib.Path("target/debug"))
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("docs/screenshots"))
    parser.add_argument("--renderer", default="software")
    parser.add_argument("--gallery", action="store_true", help="the pictures of every screen in place of the README's")
    parser.add_argument("--only", help="with --gallery: keep only pictures whose names match this pattern")
    parser.add_argument("--part", help="with --gallery: only the steps of create, sign-in, server, calls or main")
    parser.add_argument("--keep", action="store_true", help="leave the people's folders and wait, to look around by hand")
    args = parser.parse_args()
    args.programs = args.programs.resolve()
    args.out.mkdir(parents=True, exist_ok=True)
    root = pathlib.Path(tempfile.mkdtemp(prefix="harbor-"))
    server, people, camera = None, {}, None
    try:
        server = Server(args.programs, root)
        for who in PEOPLE:
            people[who] = Person(args.programs, root, server, who)
        for person in people.values():
            person.start("--background")
        time.sleep(3)
        converse(people, root)
        recovery_key = find(people["ada"].run("recovery", "set-up"), "recovery_key")
        people["ada"].stop()
        if args.gallery:
            import gallery
            gallery.take(gallery.World(server, people, root, args, recovery_key), args.only, args.part)
            return
        camera = Camera(people["ada"], args.out, args)
        camera.open()
        tour(camera)
        if args.keep:
            print("running at", server.url, "in", root, "on", camera.display)
            time.sleep(3600)
    finally:
        if camera:
            camera.close()
        for person in people.values():
            person.stop()
        if server:
            server.stop()
        if not args.keep:
            shutil.rmtree(root, ignore_errors=True)


def tour(camera):
    camera.size(DESK)
    camera.room("Mira")
    camera.shot("desktop-light")
    camera.size(PHONE)
    camera.shot("phone-light")
    camera.size(DESK)
    camera.keys("ctrl+comma")
    camera.click(176, 186)  # Appearance
    camera.click(547, 212)  # Dark
    camera.click(38, 29)  # Chats
    camera.click(240, 132, pause=3)  # the first room
    camera.shot("desktop-dark")
    camera.size(PHONE)
    camera.click(24, 28)  # back
    camera.shot("phone-dark")


if __name__ == "__main__":
    main()
