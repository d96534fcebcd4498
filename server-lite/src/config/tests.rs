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
    assert!(all.storage.reserve_mib.take().is_some());
    assert!(all.metrics.address.take().is_some());
    assert!(all.registration.shared_secret.take().is_some());
    assert!(all.turn.secret.take().is_some());
    let (media, safety) = (&mut all.media, &mut all.safety);
    assert!(media.quota_mib_per_user.take().is_some() && media.max_total_mib.take().is_some());
    assert!(media.retention_days.take().is_some());
    assert_eq!(std::mem::take(&mut safety.blocked_users).len(), 1);
    assert_eq!(std::mem::take(&mut safety.blocked_servers).len(), 1);
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
        "hs.test:",
        "hs.test:0",
        "hs.test:65536",
        "hs.test:x",
        "hs.test:+1",
        "hs.test:1:2",
        "127.0.0.1:8448",
        "localhost:8448",
        "[::1]:8448",
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
    for name in [
        "ada.example.org",
        "k7f2.local",
        "a-b.test",
        "hs.test:8448",
        "hs.test:1",
    ] {
        check_server_name(name).unwrap();
    }
}

#[test]
fn an_unsupported_room_version_is_refused() {
    let error = load(&format!("{LEAST}[rooms]\ndefault_version = \"1\"\n")).unwrap_err();
    let error = error.to_string();
    assert!(
        error.contains("line 6: rooms.default_version") && error.contains("\"6\" to \"12\""),
        "{error}"
    );
}

#[test]
fn errors_name_line_and_key_and_say_what_would_be_right() {
    for (text, expected) in [
        (
            "[listen]\nprot = 1\n",
            &["line 6", "did you mean `port`?"][..],
        ),
        (
            "[log]\nformat = \"jason\"\n",
            &["line 6", "did you mean `json`?"],
        ),
        (
            "[registration]\ntoken = \" \"\n",
            &["line 6: registration.token", "leave it out"],
        ),
        (
            "[rate_limits]\nmessages = { per_second = 0.0, burst = 1 }\n",
            &["line 6: rate_limits.messages", "enabled = false"],
        ),
        (
            "[[listeners]]\nport = 1\n[listen]\nport = 2\n",
            &["line 8: listen.port", "[[listeners]]"],
        ),
        (
            "[[listeners]]\nport = 1\n[[listeners]]\nport = 1\n",
            &["line 8: listeners[1].port", "127.0.0.1:1 is taken"],
        ),
        (
            "[[listeners]]\nport = 1\ncertificate = \"a\"\n",
            &["line 7: listeners[0].certificate", "needs `key`"],
        ),
        (
            "[[listeners]]\nport = 1\nkey = \"a\"\n",
            &["line 7: listeners[0].key", "needs `certificate`"],
        ),
        (
            "[[listeners]]\nport = 1\nserves = []\n",
            &["line 7: listeners[0].serves", "[\"client\"]"],
        ),
        (
            "[[listeners]]\nport = 1\nserves = [\"metrics\"]\n",
            &["line 5: listeners", "no listener serves \"client\""],
        ),
        (
            "[[listeners]]\nport = 1\nserves = [\"clients\"]\n",
            &["line 7", "did you mean `client`?"],
        ),
        (
            "[metrics]\naddress = \"127.0.0.1:8008\"\n",
            &["line 6: metrics.address", "another port"],
        ),
        (
            "[tls]\nextra_ca_files = [\"missing.pem\"]\n",
            &["line 6: tls.extra_ca_files", "number 1", "missing.pem"],
        ),
    ] {
        let error = load(&format!("{LEAST}{text}")).unwrap_err().to_string();
        for part in expected {
            assert!(error.contains(part), "{part}: {error}");
        }
    }
}

#[test]
fn listeners_are_those_of_the_list_or_else_the_one_and_then_that_for_metrics() {
    let of = |text: &str| {
        let config = load(&format!("{LEAST}{text}")).unwrap();
        let all = config.all_listeners();
        let all = all.iter().map(|l| format!("{} {:?}", l.socket(), l.serves));
        all.collect::<Vec<_>>()
    };
    assert_eq!(of(""), ["127.0.0.1:8008 [Client]"]);
    assert_eq!(
        of("[listen]\nport = 7\n[metrics]\naddress = \"[::1]:9\"\n"),
        ["127.0.0.1:7 [Client]", "[::1]:9 [Metrics]"]
    );
    assert_eq!(
        of(
            "[[listeners]]\naddress = \"::\"\nport = 1\nserves = [\"client\", \"metrics\"]\n[[listeners]]\nport = 2\n"
        ),
        ["[::]:1 [Client, Metrics]", "127.0.0.1:2 [Client]"]
    );
}
