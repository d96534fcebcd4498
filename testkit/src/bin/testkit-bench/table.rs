//! Results as people read them: ours, the peer's, the ratio, the target.

/// One measured figure.
#[derive(Debug)]
pub struct Figure {
    /// What was measured, with its unit.
    pub what: &'static str,
    /// Ours: all runs.
    pub ours: Vec<f64>,
    /// The peer's: all runs; empty where the peer has none.
    pub peer: Vec<f64>,
    /// What we aim for, in the same unit.
    pub target: Option<f64>,
}

/// The middle value; NaN of nothing.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => sorted[n / 2],
        n => f64::midpoint(sorted[n / 2 - 1], sorted[n / 2]),
    }
}

/// Prints a Markdown table.
pub fn print(title: &str, peer: &str, figures: &[Figure]) {
    println!(
        "\n## {title}\n\n| | ours (min–max) | {peer} (min–max) | ours / {peer} | target |\n|---|---|---|---|---|"
    );
    for figure in figures {
        let ratio = median(&figure.ours) / median(&figure.peer);
        let ratio = if ratio.is_finite() {
            format!("{ratio:.2}")
        } else {
            "–".to_owned()
        };
        let target = figure.target.map_or("–".to_owned(), |target| {
            let met = if median(&figure.ours) <= target {
                "met"
            } else {
                "missed"
            };
            format!("≤ {target} ({met})")
        });
        println!(
            "| {} | {} | {} | {ratio} | {target} |",
            figure.what,
            spread(&figure.ours),
            spread(&figure.peer)
        );
    }
}

fn spread(values: &[f64]) -> String {
    if values.is_empty() {
        return "–".to_owned();
    }
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    format!("{:.3} ({low:.3}–{high:.3})", median(values))
}
