//! Templates of packaging files: `@KEY@` stands for what [`crate::identity`] and the layout say.

use super::Layout;
use crate::identity;

/// Fills a template in.
pub fn fill(template: &str, layout: &Layout) -> String {
    let bindir = layout.bindir();
    let values = [
        ("@NAME@", identity::NAME),
        ("@APP_ID@", identity::APP_ID),
        ("@PROGRAM@", identity::PROGRAM),
        ("@SERVER_PROGRAM@", identity::SERVER_PROGRAM),
        ("@SUMMARY@", identity::SUMMARY),
        ("@VERSION@", env!("CARGO_PKG_VERSION")),
        ("@BINDIR@", &bindir.to_string_lossy()),
    ];
    let mut text = template.to_owned();
    for (key, value) in values {
        text = text.replace(key, value);
    }
    text
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn keys_are_replaced_everywhere() {
        let layout = Layout::new(Path::new("/usr"), Path::new(""));
        assert_eq!(
            fill("@BINDIR@/@PROGRAM@ @PROGRAM@", &layout),
            "/usr/bin/hardline hardline"
        );
        assert_eq!(fill("someone@example.org", &layout), "someone@example.org");
    }
}
