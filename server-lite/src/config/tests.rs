use super::{Config, ConfigError, TEMPLATE, check_server_name, render};

fn load(text: &str) -> Result<Config, ConfigError> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("server.toml");
    std::fs::write(&path, text).unwrap();
    Config::load(&path)
}

const LEAST: &str = "[server]\nname = \"hs.test\"\n[storage]\npath = \"data\"\n";

#[test]
fn the_template_is_valid_and_its_comments_show_the_defaults() {
    let text = render("ada.example.org", "data", 8008, "secret");
    let written = load(&text).unwrap();
    // The same with every commented key switched on.
    let all: String = text
        .lines()
        .map(|line| match line.strip_prefix("# ") {
            Some(rest)
                if rest
                    .split_once(" = ")
                    .is_some_and(|(key, _)| !key.contains(' ')) =>
            {
                format!("{rest}\n")
            }
            _ => format!("{line}\n"),
        })
        .collect();
    let mut all = load(&all).unwrap();
    assert!(all.server.public_url.take().is_some());
    assert!(all.storage.max_database_mib.take().is_some());
    assert!(all.registration.shared_secret.take().is_some());
    assert!(all.turn.secret.take().is_some());
    assert_eq!(std::mem::take(&mut all.turn.uris).len(), 2);
    assert_eq!(std::mem::take(&mut all.rtc.livekit_service_urls).len(), 1);
    let support = std::mem::take(&mut all.support);
    assert!(support.page.is_some() && support.email.is_some() && support.matrix_id.is_some());
    assert_eq!(std::mem::take(&mut all.appservices.files).len(), 1);
    let console = std::mem::take(&mut all.appservices.console);
    assert_eq!(console[0].users[0], "@ada:ada.example.org");
    all.storage.path = written.storage.path.clone();
    assert_eq!(format!("{all:?}"), format!("{written:?}"));
}

#[test]
fn every_section_of_the_template_is_known() {
    for section in TEMPLATE.lines().filter(|line| line.starts_with('[')) {
        assert!(
            ["[server]", "[storage]"].contains(&section)
                || load(&format!("{LEAST}{section}\n")).is_ok()
        );
    }
}

#[test]
fn an_unknown_key_is_refused_by_line() {
    let error = load(&format!("{LEAST}[listen]\nprot = 1\n"))
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("line 6") && error.contains("prot"),
        "{error}"
    );
}

#[test]
fn a_value_of_the_wrong_type_is_refused_by_line() {
    let error = load(&format!("{LEAST}[listen]\nport = \"x\"\n"))
        .unwrap_err()
        .to_string();
    assert!(error.contains("line 6"), "{error}");
}

#[test]
fn names_that_cannot_last_are_refused() {
    let bad = [
        "localhost",
        "a.localhost",
        "127.0.0.1",
        "[::1]",
        "::1",
        "hs.test:8448",
        "plain",
        "Upper.test",
        "-a.test",
        "a..test",
        "a.test.",
        "",
        "ünicode.test",
    ];
    for name in bad {
        assert!(check_server_name(name).is_err(), "{name}");
    }
    for name in ["ada.example.org", "k7f2.local", "a-b.test"] {
        check_server_name(name).unwrap();
    }
}

#[test]
fn an_unsupported_room_version_is_refused() {
    let error = load(&format!("{LEAST}[rooms]\ndefault_version = \"1\"\n")).unwrap_err();
    assert!(error.to_string().contains("rooms.default_version"));
}
