//! Prepares the peers of the tests (Synapse, matrix-nio, mautrix, the page with matrix-js-sdk) before the tests' time limits run.

use std::time::Instant;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let start = Instant::now();
    hardline_testkit::peers::prepare().await?;
    eprintln!(
        "the peers are in {} ({:.0?})",
        hardline_testkit::paths::cache_dir()?.display(),
        start.elapsed()
    );
    Ok(())
}
