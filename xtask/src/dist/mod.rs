//! Installing: the programs, and what a desktop, a bus and a service manager need to find them.

mod layout;
mod template;

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail, ensure};

pub use self::{layout::Layout, template::fill};
use crate::identity;

/// Templates in `packaging/data`: the file, the directory it goes to under the prefix, and its name there.
const TEMPLATES: [(&str, &str, &str); 5] = [
    ("app.desktop.in", "share/applications", "@APP_ID@.desktop"),
    (
        "dbus.service.in",
        "share/dbus-1/services",
        "@APP_ID@.service",
    ),
    (
        "app.metainfo.xml.in",
        "share/metainfo",
        "@APP_ID@.metainfo.xml",
    ),
    (
        "server-user.service.in",
        "lib/systemd/user",
        "@SERVER_PROGRAM@.service",
    ),
    (
        "server-system.service.in",
        "lib/systemd/system",
        "@SERVER_PROGRAM@.service",
    ),
];

/// Icons in `packaging/data/icons`: the directory under the icon theme, and the end of the name.
const ICONS: [(&str, &str); 2] = [
    ("scalable/apps", ".svg"),
    ("symbolic/apps", "-symbolic.svg"),
];

/// Installs everything; gives the files in the order written.
pub fn install(root: &Path, programs: &Path, layout: &Layout) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for name in [identity::PROGRAM, identity::SERVER_PROGRAM] {
        let to = layout.path("bin").join(name);
        copy(&programs.join(name), &to, 0o755)?;
        files.push(to);
    }
    // Nobody starts it by hand.
    let media = layout.path("libexec").join(identity::MEDIA_PROGRAM);
    copy(&programs.join(identity::MEDIA_PROGRAM), &media, 0o755)?;
    files.push(media);
    files.extend(install_data(root, layout)?);
    let generated = tempfile::tempdir()?;
    for name in [identity::PROGRAM, identity::SERVER_PROGRAM] {
        generate(&programs.join(name), generated.path())?;
    }
    files.extend(install_generated(generated.path(), layout)?);
    let list: String = files
        .iter()
        .map(|file| format!("{}\n", layout.final_path(file).display()))
        .collect();
    write(&layout.list(), &list, 0o644)?;
    Ok(files)
}

/// Installs what does not depend on the programs: desktop entry, services, metadata, icons, dashboard, licence.
pub fn install_data(root: &Path, layout: &Layout) -> Result<Vec<PathBuf>> {
    let data = root.join("packaging/data");
    let mut files = Vec::new();
    for (template, dir, name) in TEMPLATES {
        let from = data.join(template);
        let text = fs::read_to_string(&from).with_context(|| from.display().to_string())?;
        let to = layout.path(dir).join(fill(name, layout));
        write(&to, &fill(&text, layout), 0o644)?;
        files.push(to);
    }
    for (dir, ending) in ICONS {
        let name = format!("{}{ending}", identity::APP_ID);
        let to = layout.path("share/icons/hicolor").join(dir).join(&name);
        copy(&data.join("icons").join(&name), &to, 0o644)?;
        files.push(to);
    }
    let dashboard = layout
        .path("share")
        .join(identity::SERVER_PROGRAM)
        .join("grafana-dashboard.json");
    copy(&data.join("grafana-dashboard.json"), &dashboard, 0o644)?;
    files.push(dashboard);
    let licence = layout
        .path("share/doc")
        .join(identity::PROGRAM)
        .join("LICENSE");
    copy(&root.join("LICENSE"), &licence, 0o644)?;
    files.push(licence);
    Ok(files)
}

/// Has a program write its manual pages and shell completions.
fn generate(program: &Path, out: &Path) -> Result<()> {
    let output = Command::new(program)
        .arg("--dist-files")
        .arg(out)
        .output()
        .with_context(|| program.display().to_string())?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success(),
        "{} --dist-files: {said}",
        program.display()
    );
    Ok(())
}

fn install_generated(generated: &Path, layout: &Layout) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(generated)? {
        let from = entry?.path();
        let name = from
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let dir = match name.rsplit_once('.') {
            Some((_, "1")) => "share/man/man1",
            Some((_, "bash")) => "share/bash-completion/completions",
            Some((_, "fish")) => "share/fish/vendor_completions.d",
            None if name.starts_with('_') => "share/zsh/site-functions",
            _ => bail!("an unexpected file: {name}"),
        };
        let to = layout.path(dir).join(name.trim_end_matches(".bash"));
        copy(&from, &to, 0o644)?;
        files.push(to);
    }
    files.sort();
    Ok(files)
}

/// Removes the files on the list that `install` left, then the list; gives their number.
pub fn uninstall(layout: &Layout) -> Result<usize> {
    let list = layout.list();
    let text = fs::read_to_string(&list)
        .with_context(|| format!("nothing is installed here: {}", list.display()))?;
    let mut n_removed = 0;
    for line in text.lines() {
        match fs::remove_file(layout.staged(Path::new(line))) {
            Ok(()) => n_removed += 1,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(error).with_context(|| line.to_owned()),
        }
    }
    fs::remove_file(&list)?;
    if let Some(dir) = list.parent() {
        // Stays if somebody else keeps something there.
        let _ = fs::remove_dir(dir);
    }
    Ok(n_removed)
}

fn copy(from: &Path, to: &Path, mode: u32) -> Result<()> {
    make_parent(to)?;
    // A running program can be replaced, not written to.
    let _ = fs::remove_file(to);
    fs::copy(from, to).with_context(|| format!("{} → {}", from.display(), to.display()))?;
    fs::set_permissions(to, PermissionsExt::from_mode(mode))?;
    Ok(())
}

fn write(to: &Path, text: &str, mode: u32) -> Result<()> {
    make_parent(to)?;
    fs::write(to, text).with_context(|| to.display().to_string())?;
    fs::set_permissions(to, PermissionsExt::from_mode(mode))?;
    Ok(())
}

fn make_parent(path: &Path) -> Result<()> {
    let dir = path.parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(dir).with_context(|| dir.display().to_string())
}
