//! A sound server of a test's own, without any hardware.

use std::{
    ffi::OsString,
    fs,
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use super::{LIMIT, Media, sound};

/// Loudspeakers, and microphones that hear what one of them plays: `low` (440 hertz) and `high` (600 hertz) hear what nobody else
/// plays on, `echo` hears `room`. The system's choice are `room` and `low`.
const SCRIPT: &str = "\
load-module module-null-sink sink_name=room rate=48000 channels=1 sink_properties=device.description=Room
load-module module-null-sink sink_name=desk rate=48000 channels=1 sink_properties=device.description=Desk
load-module module-null-sink sink_name=bass rate=48000 channels=1
load-module module-null-sink sink_name=alto rate=48000 channels=1
load-module module-null-sink sink_name=voice rate=48000 channels=1
load-module module-sine sink=bass frequency=440
load-module module-sine sink=alto frequency=600
load-module module-remap-source source_name=low master=bass.monitor
load-module module-remap-source source_name=high master=alto.monitor
load-module module-remap-source source_name=echo master=room.monitor
load-module module-remap-source source_name=talk master=voice.monitor
set-default-sink room
set-default-source low
";

/// A PulseAudio daemon; ends with the value.
pub struct Pulse {
    dir: tempfile::TempDir,
    child: Child,
}

impl Pulse {
    /// One that runs.
    pub fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("socket");
        let script = format!(
            "load-module module-native-protocol-unix auth-anonymous=1 socket={}\n{SCRIPT}",
            socket.display()
        );
        let path = dir.path().join("script.pa");
        fs::write(&path, script).unwrap();
        let child = Command::new("pulseaudio")
            .args(["-n", "--daemonize=no", "--use-pid-file=no"])
            .args(["--exit-idle-time=-1", "--realtime=no", "--high-priority=no"])
            .arg("-F")
            .arg(&path)
            .env("HOME", dir.path())
            .env("XDG_RUNTIME_DIR", dir.path())
            .env("PULSE_RUNTIME_PATH", dir.path())
            .stderr(Stdio::null())
            .spawn()
            .expect("pulseaudio is installed");
        let pulse = Self { dir, child };
        let end = Instant::now() + LIMIT;
        while !pulse.pactl(&["get-default-source"]).starts_with("low") {
            assert!(Instant::now() < end, "pulseaudio does not answer");
            thread::sleep(Duration::from_millis(50));
        }
        pulse
    }

    /// A media process that uses it.
    pub fn media(&self) -> Media {
        self.media_with([])
    }

    /// The same, with these variables, too.
    pub fn media_with<const N: usize>(&self, more: [(&'static str, OsString); N]) -> Media {
        let mut environment = Vec::from(self.environment());
        environment.extend(more);
        Media::start_with(&environment)
    }

    /// Has it do something; what it says.
    pub fn pactl(&self, words: &[&str]) -> String {
        let mut command = self.client("pactl");
        let output = command.args(words).stderr(Stdio::null()).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    }

    /// What a loudspeaker plays for a while.
    pub fn heard_from(&self, speaker: &str, time: Duration) -> Vec<f64> {
        let path = self.dir.path().join(speaker);
        let mut child = self
            .client("parec")
            .arg(format!("--device={speaker}.monitor"))
            .args(["--raw", "--format=s16le", "--rate=48000", "--channels=1"])
            .arg("--latency-msec=50")
            .arg(&path)
            .spawn()
            .unwrap();
        let n_bytes = (time.as_secs_f64() * 2.0 * sound::RATE as f64) as u64;
        let end = Instant::now() + LIMIT;
        while fs::metadata(&path).map_or(0, |file| file.len()) < n_bytes {
            assert!(Instant::now() < end, "nothing is recorded");
            thread::sleep(Duration::from_millis(20));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let samples = sound::read(&path);
        fs::remove_file(&path).unwrap();
        samples
    }

    /// Plays a file on a loudspeaker until the value is dropped.
    pub fn play(&self, file: &Path, speaker: &str) -> Playing {
        let mut command = self.client("paplay");
        let command = command.arg(format!("--device={speaker}")).arg(file);
        Playing(command.spawn().unwrap())
    }

    fn client(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.envs(self.environment());
        command
    }

    fn environment(&self) -> [(&'static str, OsString); 4] {
        let dir = self.dir.path();
        let server = format!("unix:{}", dir.join("socket").display());
        [
            ("PULSE_SERVER", server.into()),
            ("PULSE_RUNTIME_PATH", dir.into()),
            ("XDG_RUNTIME_DIR", dir.into()),
            ("HOME", dir.into()),
        ]
    }
}

impl Drop for Pulse {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A file that is being played.
pub struct Playing(Child);

impl Drop for Playing {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
