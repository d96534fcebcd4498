//! `hardline` against Quaternion on the same account: start to painted room list, memory, idle cost, opening a room.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use hardline_testkit::{
    Bus, Client, Hardline, HardlineServer, Homeserver, Keyring, ServerOptions, Xvfb,
    homeserver::password,
    keyring::KeyringStore,
    process::{Launch, Process},
    quaternion,
};
use tokio::time::sleep;

use crate::{
    account, openbox,
    proc::{cpu_seconds, idle, longest_stretch, thread_ms, tree},
    screen::{Area, Camera, Screen},
    table::{Figure, print},
};

const RUNS: usize = 5;
/// How often signing in is measured; each takes some 20 s.
const SIGN_INS: usize = 3;
const WIDTH: u32 = 1280;
const HEIGHT: u32 = 800;
/// From the start of the program to the picture that counts as final.
const SETTLE: Duration = Duration::from_secs(8);
/// Steps of the wheel: about 1,000 rows.
const WHEEL_STEPS: usize = 500;
/// The room list of both programs lies here.
const LIST: Area = Area {
    x: 0,
    y: 60,
    w: 300,
    h: 700,
};
/// The timeline of both lies here.
const TIMELINE: Area = Area {
    x: 420,
    y: 120,
    w: 600,
    h: 560,
};

#[derive(Default)]
struct Figures {
    sign_in: Vec<f64>,
    list: Vec<f64>,
    cpu: Vec<f64>,
    open: Vec<f64>,
    pss: Vec<f64>,
    idle_cpu: Vec<f64>,
    idle_cpu_apart: Vec<f64>,
    wakeups: Vec<f64>,
    wakeups_apart: Vec<f64>,
    scroll: Vec<f64>,
    scroll_worst: Vec<f64>,
    scroll_stretch: Vec<f64>,
}

/// Measures both and prints the table.
pub async fn bench() -> Result<()> {
    // Room version 10 and open media: Quaternion of Debian 12 is older than versions 11 and 12.
    let options = ServerOptions {
        extra: "[rooms]\ndefault_version = \"10\"\n".to_owned(),
        ..ServerOptions::default()
    };
    let server = HardlineServer::start_with(options).await?;
    let start = Instant::now();
    let ada = account::seed(&server).await?;
    println!(
        "seeded {} rooms, {} messages in {:.0?}",
        account::ROOMS,
        account::MESSAGES,
        start.elapsed()
    );
    let x = Xvfb::start(WIDTH, HEIGHT).await?;
    let dir = tempfile::tempdir()?;
    let _manager = openbox::start(&x, dir.path()).await?;
    let peer = if hardline_testkit::paths::installed("quaternion").is_ok() {
        measure_quaternion(&server, &ada, &x, dir.path()).await?
    } else {
        println!("Quaternion is not installed: no peer column");
        Figures::default()
    };
    let ours = measure_hardline(&server, &x, dir.path()).await?;
    print(
        "hardline and Quaternion",
        "Quaternion",
        &[
            Figure {
                what: "sign-in → room list painted, s",
                target: Some(1.0),
                ours: ours.sign_in,
                peer: peer.sign_in,
            },
            Figure {
                what: "start → room list painted, s",
                target: Some(crate::table::median(&peer.list) / 2.0).filter(|t| t.is_finite()),
                ours: ours.list,
                peer: peer.list,
            },
            Figure {
                what: "CPU to that point, s",
                target: Some(crate::table::median(&peer.cpu) / 2.0).filter(|t| t.is_finite()),
                ours: ours.cpu,
                peer: peer.cpu,
            },
            Figure {
                what: "room of 5,000 opened → painted, s",
                target: Some(0.15),
                ours: ours.open,
                peer: peer.open,
            },
            Figure {
                what: "scrolling it back: work of the window's thread a wheel step, ms",
                target: Some(33.0),
                ours: ours.scroll,
                peer: peer.scroll,
            },
            Figure {
                what: "the same, worst step of all, ms",
                target: Some(33.0),
                ours: ours.scroll_worst,
                peer: peer.scroll_worst,
            },
            Figure {
                what: "its longest stretch of work without rest, ms",
                target: Some(33.0),
                ours: ours.scroll_stretch,
                peer: peer.scroll_stretch,
            },
            Figure {
                what: "memory after ten rooms (ours) and a minute idle, PSS MiB",
                target: Some(90.0),
                ours: ours.pss,
                peer: peer.pss,
            },
            Figure {
                what: "idle, CPU % of a core apart from the parked sync",
                target: Some(0.02),
                ours: ours.idle_cpu_apart,
                peer: peer.idle_cpu_apart,
            },
            Figure {
                what: "idle, CPU % of a core, all",
                target: None,
                ours: ours.idle_cpu,
                peer: peer.idle_cpu,
            },
            Figure {
                what: "idle, wake-ups a second apart from the parked sync",
                target: Some(0.2),
                ours: ours.wakeups_apart,
                peer: peer.wakeups_apart,
            },
            Figure {
                what: "idle, wake-ups a second, all",
                target: None,
                ours: ours.wakeups,
                peer: peer.wakeups,
            },
        ],
    );
    Ok(())
}

async fn measure_quaternion(
    server: &HardlineServer,
    ada: &Client,
    x: &Xvfb,
    dir: &Path,
) -> Result<Figures> {
    let home = dir.join("quaternion");
    std::fs::create_dir_all(&home)?;
    let account = Client::login(server.base_url(), "ada", &password("ada")).await?;
    ensure!(account.user_id == ada.user_id, "another account answered");
    quaternion::write_session(&home, &account, server)?;
    // The first start syncs everything and writes the cache that the measured starts read.
    let first = quaternion::launch(&home, x)?.spawn()?;
    sleep(Duration::from_secs(25)).await;
    first.stop().await?;
    let mut figures = Figures::default();
    for run in 0..RUNS {
        let process = one_start(&mut figures, x, || quaternion::launch(&home, x)).await?;
        if run == 0 {
            rest(&mut figures, &process).await;
        }
        process.stop().await?;
    }
    Ok(figures)
}

async fn measure_hardline(server: &HardlineServer, x: &Xvfb, dir: &Path) -> Result<Figures> {
    let bus = Bus::start().await?;
    let store = KeyringStore::new()?;
    let _keyring = Keyring::unlocked(&bus, &store).await?;
    let mut person = Hardline::on(&bus)?;
    person.set_env("SLINT_BACKEND", "winit-software");
    person.login(server, "ada").await?;
    let mut figures = Figures::default();
    for _ in 0..SIGN_INS {
        sign_in(&mut figures, server, x, dir).await?;
    }
    let launch = || Ok(person.launch()?.env("DISPLAY", x.display()));
    let first = launch()?.spawn()?;
    sleep(Duration::from_secs(25)).await;
    first.stop().await?;
    for run in 0..RUNS {
        let process = one_start(&mut figures, x, launch).await?;
        if run == 0 {
            visit_rooms(x, dir).await?;
            rest(&mut figures, &process).await;
        }
        open_big_room(&mut figures, x, dir).await?;
        if run == 0 {
            scroll_back(&mut figures, x, dir, process.pid()).await?;
        }
        process.stop().await?;
    }
    Ok(figures)
}

/// Signs in by the window on a profile of its own: from the last key to the list of rooms.
async fn sign_in(
    figures: &mut Figures,
    server: &HardlineServer,
    x: &Xvfb,
    dir: &Path,
) -> Result<()> {
    let bus = Bus::start().await?;
    let store = KeyringStore::new()?;
    let _keyring = Keyring::unlocked(&bus, &store).await?;
    let mut person = Hardline::on(&bus)?;
    person.set_env("SLINT_BACKEND", "winit-software");
    let process = person.launch()?.env("DISPLAY", x.display()).spawn()?;
    sleep(Duration::from_secs(4)).await;
    let write = async |text: &str, then: &str| {
        openbox::xdotool(x, dir, &["type", "--delay", "15", text]).await?;
        openbox::xdotool(x, dir, &["key", then]).await?;
        sleep(Duration::from_secs(1)).await;
        Ok::<_, anyhow::Error>(())
    };
    openbox::xdotool(x, dir, &["key", "Tab", "Return"]).await?;
    sleep(Duration::from_secs(1)).await;
    write(server.base_url(), "Tab").await?;
    write("ada", "Tab").await?;
    openbox::xdotool(x, dir, &["type", "--delay", "15", &password("ada")]).await?;
    sleep(Duration::from_secs(1)).await;
    let camera = Camera::start(&x.frame_buffer())?;
    sleep(Duration::from_millis(200)).await;
    let start = Instant::now();
    openbox::xdotool(x, dir, &["key", "Return"]).await?;
    sleep(SETTLE).await;
    let film = camera.stop().await?;
    ensure!(
        film.changed(LIST, start) > 0.02,
        "signing in painted no list of rooms"
    );
    let listed = film.settled(LIST, start);
    figures
        .sign_in
        .push(listed.context("the list never settled")?.as_secs_f64());
    process.stop().await?;
    Ok(())
}

async fn one_start(
    figures: &mut Figures,
    x: &Xvfb,
    launch: impl Fn() -> Result<Launch>,
) -> Result<Process> {
    let camera = Camera::start(&x.frame_buffer())?;
    sleep(Duration::from_millis(300)).await;
    let start = Instant::now();
    let mut process = launch()?.spawn()?;
    let mut cpu = Vec::new();
    while start.elapsed() < SETTLE {
        cpu.push((start.elapsed(), cpu_seconds(&tree(process.pid()))));
        sleep(Duration::from_millis(20)).await;
    }
    process.expect_running()?;
    let film = camera.stop().await?;
    ensure!(
        film.changed(LIST, start) > 0.02,
        "nothing was painted where the room list should be"
    );
    let ready = film
        .settled(LIST, start)
        .context("the room list never settled")?;
    figures.list.push(ready.as_secs_f64());
    if let Some((_, used)) = cpu.iter().find(|(at, _)| *at >= ready) {
        figures.cpu.push(*used);
    }
    Ok(process)
}

async fn rest(figures: &mut Figures, process: &Process) {
    sleep(Duration::from_secs(20)).await;
    let quiet = idle(process.pid(), Duration::from_secs(60)).await;
    figures.idle_cpu.push(quiet.all.cpu_percent);
    figures.idle_cpu_apart.push(quiet.apart.cpu_percent);
    figures.wakeups.push(quiet.all.wakeups);
    figures.wakeups_apart.push(quiet.apart.wakeups);
    figures.pss.push(quiet.pss_mib);
}

/// Opens ten rooms one after the other, as memory is measured after use and not before.
async fn visit_rooms(x: &Xvfb, dir: &Path) -> Result<()> {
    for _ in 0..10 {
        openbox::xdotool(x, dir, &["key", "alt+Down"]).await?;
        sleep(Duration::from_millis(1500)).await;
    }
    Ok(())
}

async fn open_big_room(figures: &mut Figures, x: &Xvfb, dir: &Path) -> Result<()> {
    openbox::xdotool(x, dir, &["key", "ctrl+k"]).await?;
    sleep(Duration::from_secs(1)).await;
    openbox::xdotool(x, dir, &["type", "--delay", "25", account::BIG_NAME]).await?;
    sleep(Duration::from_secs(1)).await;
    let camera = Camera::start(&x.frame_buffer())?;
    sleep(Duration::from_millis(200)).await;
    let start = Instant::now();
    openbox::xdotool(x, dir, &["key", "Return"]).await?;
    sleep(Duration::from_secs(4)).await;
    let film = camera.stop().await?;
    ensure!(
        film.changed(TIMELINE, start) > 0.02,
        "opening the big room painted nothing"
    );
    figures.open.push(
        film.settled(TIMELINE, start)
            .context("the timeline never settled")?
            .as_secs_f64(),
    );
    Ok(())
}

/// Turns the wheel over the timeline. A step may take several frames, so beside its work the longest stretch of work
/// without rest is told.
async fn scroll_back(figures: &mut Figures, x: &Xvfb, dir: &Path, pid: i32) -> Result<()> {
    let middle =
        [TIMELINE.x + TIMELINE.w / 2, TIMELINE.y + TIMELINE.h / 2].map(|at| at.to_string());
    openbox::xdotool(x, dir, &["mousemove", &middle[0], &middle[1]]).await?;
    let screen = Screen::open(&x.frame_buffer())?;
    let first = screen.look()?;
    let mut steps = Vec::with_capacity(WHEEL_STEPS);
    let mut longest = 0.0_f64;
    for _ in 0..WHEEL_STEPS {
        let before = thread_ms(pid);
        openbox::xdotool(x, dir, &["click", "4"]).await?;
        longest = longest.max(longest_stretch(pid, Duration::from_millis(80)).await);
        steps.push(thread_ms(pid) - before);
    }
    ensure!(
        first.alike(&screen.look()?, TIMELINE) < 0.98,
        "the wheel moved nothing"
    );
    figures
        .scroll_worst
        .extend(steps.iter().copied().reduce(f64::max));
    figures.scroll = steps;
    figures.scroll_stretch.push(longest);
    Ok(())
}
