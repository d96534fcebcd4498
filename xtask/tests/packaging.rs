//! What is installed is what desktops, buses and service managers accept.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use xtask::{
    dist::{self, Layout},
    identity,
};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

struct Installed {
    _dir: tempfile::TempDir,
    stage: PathBuf,
    layout: Layout,
    files: Vec<PathBuf>,
}

/// Programs that write their pages as the real ones do, installed with the real data.
fn installed() -> Installed {
    let dir = tempfile::tempdir().unwrap();
    let programs = dir.path().join("programs");
    fs::create_dir(&programs).unwrap();
    for name in [
        identity::PROGRAM,
        identity::SERVER_PROGRAM,
        identity::MEDIA_PROGRAM,
    ] {
        let script = format!(
            "#!/bin/sh\n[ \"$1\" = --dist-files ] || exit 2\n\
             for file in {name}.1 {name}.bash {name}.fish _{name}; do echo page > \"$2/$file\"; done\n"
        );
        let path = programs.join(name);
        fs::write(&path, script).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(&path, mode).unwrap();
    }
    let stage = dir.path().join("stage");
    let layout = Layout::new(Path::new("/usr"), &stage);
    let files = dist::install(root(), &programs, &layout).unwrap();
    Installed {
        _dir: dir,
        stage,
        layout,
        files,
    }
}

#[track_caller]
fn accepts(program: &str, arguments: &[&str], file: &Path) {
    let output = Command::new(program).args(arguments).arg(file).output();
    let output = output.unwrap_or_else(|error| panic!("{program}: {error} (run `make setup`)"));
    let said = [output.stdout, output.stderr].concat();
    assert!(
        output.status.success(),
        "{program}: {}",
        String::from_utf8_lossy(&said)
    );
}

#[test]
fn everything_is_installed_and_removed_again() {
    let installed = installed();
    let id = identity::APP_ID;
    for file in [
        "usr/bin/hardline".to_owned(),
        "usr/bin/hardline-server".to_owned(),
        "usr/libexec/hardline-media".to_owned(),
        format!("usr/share/applications/{id}.desktop"),
        format!("usr/share/dbus-1/services/{id}.service"),
        format!("usr/share/metainfo/{id}.metainfo.xml"),
        format!("usr/share/icons/hicolor/scalable/apps/{id}.svg"),
        format!("usr/share/icons/hicolor/symbolic/apps/{id}-symbolic.svg"),
        "usr/lib/systemd/user/hardline-server.service".to_owned(),
        "usr/lib/systemd/system/hardline-server.service".to_owned(),
        "usr/share/hardline-server/grafana-dashboard.json".to_owned(),
        "usr/share/man/man1/hardline.1".to_owned(),
        "usr/share/man/man1/hardline-server.1".to_owned(),
        "usr/share/bash-completion/completions/hardline".to_owned(),
        "usr/share/zsh/site-functions/_hardline-server".to_owned(),
        "usr/share/fish/vendor_completions.d/hardline.fish".to_owned(),
        "usr/share/doc/hardline/LICENSE".to_owned(),
    ] {
        assert!(installed.stage.join(&file).is_file(), "{file} is missing");
    }
    let n_removed = dist::uninstall(&installed.layout).unwrap();
    assert_eq!(n_removed, installed.files.len());
    assert!(installed.files.iter().all(|file| !file.exists()));
    assert!(
        dist::uninstall(&installed.layout).is_err(),
        "nothing is left to remove"
    );
}

#[test]
fn no_key_of_a_template_stays_unfilled() {
    let installed = installed();
    for file in &installed.files {
        let text = fs::read_to_string(file).unwrap_or_default();
        let is_key = |part: &&str| {
            !part.is_empty() && part.chars().all(|c| c.is_ascii_uppercase() || c == '_')
        };
        let key = text.split('@').skip(1).find(is_key);
        assert_eq!(key, None, "{}", file.display());
    }
}

#[test]
fn the_desktop_entry_is_valid() {
    let installed = installed();
    let name = format!("usr/share/applications/{}.desktop", identity::APP_ID);
    accepts("desktop-file-validate", &[], &installed.stage.join(name));
}

#[test]
fn the_metadata_is_valid() {
    let installed = installed();
    let name = format!("usr/share/metainfo/{}.metainfo.xml", identity::APP_ID);
    accepts(
        "appstreamcli",
        &["validate", "--no-net"],
        &installed.stage.join(name),
    );
}

#[test]
fn the_bus_service_starts_the_program_without_a_window() {
    let installed = installed();
    let name = format!("usr/share/dbus-1/services/{}.service", identity::APP_ID);
    let text = fs::read_to_string(installed.stage.join(name)).unwrap();
    assert!(
        text.contains(&format!("Name={}\n", identity::APP_ID)),
        "{text}"
    );
    assert!(
        text.contains("Exec=/usr/bin/hardline --background\n"),
        "{text}"
    );
}

#[test]
fn the_service_manager_accepts_the_units() {
    let installed = installed();
    for (kind, dir) in [("--user", "user"), ("--system", "system")] {
        // It looks the program up, so the unit has to name one that is there.
        let unit = installed
            .stage
            .join(format!("usr/lib/systemd/{dir}/hardline-server.service"));
        let text = fs::read_to_string(&unit).unwrap();
        let program = installed.stage.join("usr/bin/hardline-server");
        let text = text.replace("/usr/bin/hardline-server", &program.to_string_lossy());
        fs::write(&unit, text).unwrap();
        // Without a session, the user's manager has no runtime directory of its own.
        let runtime = format!("XDG_RUNTIME_DIR={}", installed.stage.display());
        let arguments = [&runtime, "systemd-analyze", "verify", "--man=no", kind];
        accepts("env", &arguments, &unit);
    }
}

/// The system's unit is judged as a whole: 0 is shut in entirely, 10 not at all.
#[test]
fn the_system_unit_is_shut_in() {
    const WORST: &str = "2.0";
    let installed = installed();
    let unit = installed
        .stage
        .join("usr/lib/systemd/system/hardline-server.service");
    let threshold = format!("--threshold={}", WORST.replace('.', ""));
    let arguments = ["security", "--offline=true", &threshold];
    accepts("systemd-analyze", &arguments, &unit);
    let text = fs::read_to_string(&unit).unwrap();
    for line in [
        "DynamicUser=yes",
        "WatchdogSec=120",
        "StartLimitIntervalSec=0",
        "ProtectSystem=strict",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}");
    }
}

#[test]
fn the_dashboard_is_json_with_panels_of_their_own() {
    let installed = installed();
    let path = installed
        .stage
        .join("usr/share/hardline-server/grafana-dashboard.json");
    let text = fs::read_to_string(path).unwrap();
    let mut ids: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("   \"id\": "))
        .collect();
    let n_panels = ids.len();
    assert!(n_panels > 20, "{n_panels}");
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), n_panels);
}
