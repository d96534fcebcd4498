//! Compiles the `.slint` files; the icons we use are cut out of lucide-slint first, each as an SVG.

use std::{collections::HashMap, env, fmt::Write as _, fs, path::PathBuf};

/// Our names for the icons and lucide's. Only what is used is embedded.
const ICONS: &str = include_str!("theme/icons.txt");

fn main() {
    println!("cargo:rerun-if-changed=theme/icons.txt");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("OUT_DIR")).join("icons");
    write_icons(&out);
    let config = slint_build::CompilerConfiguration::new()
        .with_style("fluent".into())
        // Tests find elements by it; a release carries none.
        .with_debug_info(env::var("PROFILE").as_deref() == Ok("debug"))
        .with_library_paths(HashMap::from([("icons".to_owned(), out)]));
    slint_build::compile_with_config("main.slint", config).expect("main.slint");
}

/// Writes `<name>.svg` for each icon and `icons.slint` with a global that holds them all.
fn write_icons(out: &PathBuf) {
    fs::create_dir_all(out).expect("icons directory");
    let source = fs::read_to_string(lucide_slint::lib()).expect("lucide.slint");
    let mut slint = String::from("export global Icons {\n");
    for line in ICONS
        .lines()
        .map(str::trim)
        .filter(|l| !l.is_empty() && !l.starts_with('#'))
    {
        let (name, lucide) = line.split_once(' ').expect("icons.txt: `name Lucide`");
        let body = icon_paths(&source, lucide.trim());
        let svg = format!(
            r##"<svg xmlns="http://www.w3.org/2000/svg" width="24" height="24" viewBox="0 0 24 24" fill="none" stroke="#000" stroke-width="2" stroke-linecap="round" stroke-linejoin="round">{body}</svg>"##
        );
        write_if_changed(&out.join(format!("{name}.svg")), &svg);
        let _ = writeln!(
            slint,
            "    out property <image> {name}: @image-url(\"{name}.svg\");"
        );
    }
    // An image that is not there, for icons that come and go.
    slint.push_str("    out property <image> none;\n}\n");
    write_if_changed(&out.join("icons.slint"), &slint);
}

/// The `<path>` elements of one icon of lucide-slint.
fn icon_paths(source: &str, lucide: &str) -> String {
    let head = format!("out property <Icon> {lucide}:");
    let start = source
        .find(&head)
        .unwrap_or_else(|| panic!("lucide has no icon {lucide}"));
    let body = &source[start + head.len()..];
    let body = &body[..body.find("out property").unwrap_or(body.len())];
    let mut svg = String::new();
    for part in body.split("command: \"").skip(1) {
        let path = &part[..part.find('"').expect("end of path")];
        let filled = part.contains("has_fill: true");
        let fill = if filled { " fill=\"#000\"" } else { "" };
        let _ = write!(svg, "<path d=\"{path}\"{fill}/>");
    }
    svg
}

/// Keeps the time stamp of files that stay the same.
fn write_if_changed(path: &PathBuf, text: &str) {
    if fs::read_to_string(path).ok().as_deref() != Some(text) {
        fs::write(path, text).expect("write icon");
    }
}
