//! The disk fills up under a running program: it says so, loses nothing, and goes on once there is room again.
//!
//! The profile is on a small file system of its own, in a namespace that needs no rights.

use std::{fs::File, io::Write as _, path::PathBuf};

use anyhow::{Context, Result, ensure};
use hardline_testkit::{
    Hardline, HardlineServer, Homeserver,
    hardline::LIMIT,
    process::{Launch, Process},
    wait::until,
};

use crate::person::{Desk, Person, said};

/// A few megabytes: the stores of a new session take about two.
const SIZE: &str = "size=12m";

/// A small file system over a profile, as long as this lives.
struct SmallDisk {
    holder: Process,
    filler: PathBuf,
}

impl SmallDisk {
    /// Puts it over the profile's folder; everything the program does happens on it from now on.
    async fn under(hardline: &mut Hardline) -> Result<Self> {
        let profile = hardline.profile();
        std::fs::create_dir_all(&profile)?;
        let ready = hardline.home().join("mounted");
        let script =
            format!("mount -t tmpfs -o {SIZE} tmpfs \"$0\" && : > \"$1\" && exec sleep 1000");
        let mut holder = Launch::new(
            hardline_testkit::paths::installed("unshare")?,
            hardline.home(),
        )?
        .args(["-rm", "sh", "-c", &script])
        .arg(&profile)
        .arg(&ready)
        .spawn()?;
        until(LIMIT, "the small disk", || {
            let alive = holder.expect_running();
            let there = ready.exists();
            async move { alive.map(|()| there.then_some(())) }
        })
        .await?;
        let pid = holder.pid().to_string();
        hardline.start_through(&[
            "nsenter",
            "--preserve-credentials",
            "-U",
            "-m",
            "-t",
            &pid,
            "--",
        ]);
        let inside = profile.strip_prefix("/")?.join("filler");
        let filler = PathBuf::from(format!("/proc/{pid}/root")).join(inside);
        Ok(Self { holder, filler })
    }

    /// Writes until nothing more goes in.
    fn fill(&self) -> Result<()> {
        let mut file = File::create(&self.filler).context("the small disk")?;
        for size in [64 * 1024, 1024, 1] {
            let block = vec![1_u8; size];
            while file.write_all(&block).is_ok() {}
        }
        Ok(())
    }

    fn make_room(&mut self) -> Result<()> {
        self.holder.expect_running()?;
        Ok(std::fs::remove_file(&self.filler)?)
    }
}

#[tokio::test]
async fn a_full_disk_is_told_and_survived() -> Result<()> {
    let (desk, server) = (Desk::new().await?, HardlineServer::start().await?);
    server.register("ada").await?;
    let mut hardline = Hardline::on(&desk.bus)?;
    let mut disk = SmallDisk::under(&mut hardline).await?;
    let mut ada = Person::new(hardline, &server, "ada");
    ada.hardline.login(&server, "ada").await?;
    ada.start().await?;
    let room = ada.create_room("Alone").await?;
    ada.send(&room, "before").await?;
    ada.reads(&room, "before").await?;

    disk.fill()?;
    // SQLite may still have pages of its log to write to; some kilobytes later it has not.
    let long = "Words that need room. ".repeat(2_000);
    let mut told = None;
    for _ in 0..20 {
        let output = ada
            .hardline
            .launch()?
            .args(["--json", "send", &room, &long])
            .output(LIMIT)
            .await?;
        if !output.status.success() {
            told = Some(output);
            break;
        }
        disk.fill()?;
    }
    let told = told.context("messages went out of a full disk")?;
    said(&told, "disk_full")?;
    ensure!(
        ada.timeline(&room)
            .await?
            .iter()
            .any(|row| row["body"] == "before"),
        "what was there is gone while the disk is full"
    );

    disk.make_room()?;
    ada.send(&room, "after").await?;
    for text in ["before", "after"] {
        ada.reads(&room, text).await?;
    }
    ada.restart().await?;
    for text in ["before", "after"] {
        ada.reads(&room, text).await?;
    }
    ada.send(&room, "after a restart").await.map(drop)
}
