//! The machine the server runs on: memory, battery, temperature, as the kernel shows them under `/proc` and `/sys`.

use std::{fs, path::Path};

use serde::Serialize;

/// What the machine can tell of itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Board {
    /// All memory in bytes.
    pub memory: u64,
    /// Memory that programs could still have, in bytes.
    pub memory_available: u64,
    /// The battery, where there is one.
    pub battery: Option<Battery>,
    /// Sensors, the hottest first.
    pub temperatures: Vec<Temperature>,
}

/// A battery.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Battery {
    /// How full it is, of 1.
    pub level: f64,
    /// Whether it is being used up.
    pub discharging: bool,
}

/// What a sensor shows.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Temperature {
    /// What it measures, such as `cpu-thermal`.
    pub sensor: String,
    /// Degrees.
    pub celsius: f64,
}

/// Of this machine.
pub fn read() -> Board {
    read_at(Path::new("/"))
}

fn read_at(root: &Path) -> Board {
    let meminfo = fs::read_to_string(root.join("proc/meminfo")).unwrap_or_default();
    let kib = |name: &str| {
        let line = meminfo.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok())
            .unwrap_or(0)
    };
    Board {
        memory: kib("MemTotal:") * 1024,
        memory_available: kib("MemAvailable:") * 1024,
        battery: battery(&root.join("sys/class/power_supply")),
        temperatures: temperatures(&root.join("sys/class/thermal")),
    }
}

/// The emptiest battery of the machine itself: peripherals have batteries too, and say so.
fn battery(dir: &Path) -> Option<Battery> {
    let all = entries(dir).filter_map(|supply| {
        let text = |name: &str| line(&supply.join(name));
        if text("type")? != "Battery" || text("scope").is_some_and(|scope| scope == "Device") {
            return None;
        }
        Some(Battery {
            level: text("capacity")?.parse::<f64>().ok()?.clamp(0.0, 100.0) / 100.0,
            discharging: text("status").is_some_and(|status| status == "Discharging"),
        })
    });
    all.min_by(|a, b| a.level.total_cmp(&b.level))
}

fn temperatures(dir: &Path) -> Vec<Temperature> {
    let zones = entries(dir).filter_map(|zone| {
        let name = zone.file_name()?.to_str()?.to_owned();
        if !name.starts_with("thermal_zone") {
            return None;
        }
        let celsius = line(&zone.join("temp"))?.parse::<f64>().ok()? / 1000.0;
        let sensor = line(&zone.join("type")).unwrap_or(name);
        // Sensors that are not connected show absurd figures.
        (-60.0..=200.0)
            .contains(&celsius)
            .then_some(Temperature { sensor, celsius })
    });
    let mut found: Vec<_> = zones.collect();
    found.sort_by(|a, b| b.celsius.total_cmp(&a.celsius));
    found
}

fn entries(dir: &Path) -> impl Iterator<Item = std::path::PathBuf> {
    let entries = fs::read_dir(dir).into_iter().flatten();
    entries.filter_map(|entry| Some(entry.ok()?.path()))
}

fn line(path: &Path) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Battery, Board, Temperature, read_at};

    fn write(root: &Path, files: &[(&str, &str)]) {
        for (path, text) in files {
            let path = root.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
    }

    #[test]
    fn a_board_with_everything() {
        let root = tempfile::tempdir().unwrap();
        write(
            root.path(),
            &[
                (
                    "proc/meminfo",
                    "MemTotal:        2048 kB\nMemFree: 1 kB\nMemAvailable:    512 kB\n",
                ),
                ("sys/class/power_supply/usb/type", "USB\n"),
                ("sys/class/power_supply/mouse/type", "Battery\n"),
                ("sys/class/power_supply/mouse/scope", "Device\n"),
                ("sys/class/power_supply/mouse/capacity", "3\n"),
                ("sys/class/power_supply/bat/type", "Battery\n"),
                ("sys/class/power_supply/bat/capacity", "73\n"),
                ("sys/class/power_supply/bat/status", "Discharging\n"),
                ("sys/class/thermal/cooling_device0/type", "fan\n"),
                ("sys/class/thermal/thermal_zone0/type", "cpu-thermal\n"),
                ("sys/class/thermal/thermal_zone0/temp", "48500\n"),
                ("sys/class/thermal/thermal_zone1/temp", "61000\n"),
                ("sys/class/thermal/thermal_zone2/temp", "-274000\n"),
            ],
        );
        let temperature = |sensor: &str, celsius| Temperature {
            sensor: sensor.to_owned(),
            celsius,
        };
        let expected = Board {
            memory: 2 << 20,
            memory_available: 1 << 19,
            battery: Some(Battery {
                level: 0.73,
                discharging: true,
            }),
            temperatures: vec![
                temperature("thermal_zone1", 61.0),
                temperature("cpu-thermal", 48.5),
            ],
        };
        assert_eq!(read_at(root.path()), expected);
    }

    #[test]
    fn a_machine_that_tells_nothing_is_no_error() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(read_at(root.path()), Board::default());
    }
}
