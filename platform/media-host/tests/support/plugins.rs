//! GStreamer without one of its parts.

use std::{
    ffi::OsString,
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
};

/// The environment of a process that has all of GStreamer but a file with this name. `dir` is written to.
pub fn without_plugin(file: &str, dir: &Path) -> [(&'static str, OsString); 2] {
    let plugins = dir.join("plugins");
    fs::create_dir(&plugins).unwrap();
    for entry in fs::read_dir(system_plugins()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap();
        if name != file {
            symlink(&path, plugins.join(name)).unwrap();
        }
    }
    [
        ("GST_PLUGIN_SYSTEM_PATH_1_0", plugins.into()),
        ("GST_REGISTRY_1_0", dir.join("registry").into()),
    ]
}

/// Where GStreamer's own parts are.
fn system_plugins() -> PathBuf {
    let output = Command::new("pkg-config")
        .args(["--variable=pluginsdir", "gstreamer-1.0"])
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    Path::new(text.trim()).to_owned()
}
