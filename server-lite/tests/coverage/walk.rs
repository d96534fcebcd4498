//! Tells all stories, then walks the table.

use std::{fmt::Write as _, path::Path};

use anyhow::{Context, Result, ensure};
use futures_util::{StreamExt, stream};

use crate::{
    exceptions::{EXCEPTIONS, Lacks},
    ledger::Proof,
    spellings,
    stories::{STORIES, Story},
    table,
    world::{Mode, Telling, World},
};

/// Stories told at the same time.
const AT_ONCE: usize = 6;

/// Tells every story that `is_wanted`; gives what went wrong.
async fn tell(world: &World, at_once: usize, is_wanted: impl Fn(&Story) -> bool) -> Vec<String> {
    let tell_one = |story: &'static Story| async move {
        let told = (story.tell)(Telling {
            world,
            name: story.name,
        });
        told.await
            .err()
            .map(|error| format!("{}: {error:#}", story.name))
    };
    let wanted = STORIES.iter().filter(|story| is_wanted(story));
    let told = stream::iter(wanted).map(tell_one).buffer_unordered(at_once);
    told.filter_map(std::future::ready).collect().await
}

#[tokio::test]
async fn every_row_of_the_table_is_proven_and_the_document_says_so() -> Result<()> {
    let world = World::new(Mode::Current).await?;
    let mut wrong = tell(&world, AT_ONCE, |_| true).await;
    for (idx, row) in table::tiers_0_to_2() {
        wrong.extend(unproven(idx, &row.name(), &world.ledger.of(idx)));
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    world.expect_quiet_log()?;
    compare(&document(&world))
}

/// What a row lacks that no exception allows, and exceptions it does not need.
fn unproven(idx: usize, name: &str, proof: &Proof) -> Vec<String> {
    let allowed = EXCEPTIONS
        .iter()
        .find(|(row, ..)| table::find(row) == Some(idx))
        .map_or(&[][..], |(_, lacks, _)| lacks);
    let parts = [
        (Lacks::Success, proof.success.is_some()),
        (Lacks::Refusal, proof.refusal.is_some()),
        (Lacks::Effect, proof.effect.is_some()),
    ];
    let judge = |(part, is_proven)| match (is_proven, allowed.contains(&part)) {
        (false, false) => Some(format!("{name}: no story proves its {part:?}")),
        (true, true) => Some(format!(
            "{name}: its {part:?} is proven: remove the exception"
        )),
        _ => None,
    };
    parts.into_iter().filter_map(judge).collect()
}

#[test]
fn every_exception_is_about_a_row() {
    for (row, ..) in EXCEPTIONS {
        assert!(table::find(row).is_some(), "{row}");
    }
}

#[tokio::test]
async fn the_spellings_of_old_clients_do_the_same() -> Result<()> {
    let mut wrong = Vec::new();
    let mut used = Vec::new();
    let mut first: Option<World> = None;
    for age in 0..spellings::ages() {
        let world = World::new(Mode::Old(age)).await?;
        // The first time everything is told; then only what has spellings of that age.
        let is_wanted = |story: &Story| {
            first.as_ref().is_none_or(|first| {
                let rows = first.ledger.rows_of(story.name);
                rows.iter().any(|row| spellings::of(*row).len() > age)
            })
        };
        wrong.extend(tell(&world, AT_ONCE, is_wanted).await);
        world.expect_quiet_log()?;
        used.extend(world.ledger.spellings());
        first.get_or_insert(world);
    }
    for (row, spelling) in spellings::all() {
        let is_used = used.contains(&(row, spelling));
        let name = table::rows()[row].name();
        let exempt = EXCEPTIONS.iter().any(|(exempt, lacks, _)| {
            table::find(exempt) == Some(row) && lacks.contains(&Lacks::Success)
        });
        if !is_used && !exempt {
            wrong.push(format!("{spelling}: nothing succeeded there ({name})"));
        }
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

#[tokio::test]
async fn no_request_in_bad_shape_harms() -> Result<()> {
    let world = World::new(Mode::Hostile).await?;
    // One after the other: whatever the database gains belongs to the request just made.
    let wrong = tell(&world, 1, |_| true).await;
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    let n = world.n_strikes();
    eprintln!("{n} requests in bad shape");
    ensure!(n > 5000, "only {n} requests in bad shape");
    world.expect_quiet_log()
}

const HEAD: &str = "# What hardline-server answers

Every endpoint of the [Client-Server API](https://spec.matrix.org/v1.19/client-server-api/) of tiers 0 (no client works
without it) to 2 (wanted by some), with the proposals for sliding sync, delayed events, calls and dehydrated devices.
Written by the test that proves it (`server-lite/tests/coverage`): a row names the story in which the endpoint works, how
it refuses whoever may not, and the story in which a second person, or a second request, sees what it did. All of it is
run again in the old spellings, and with requests in bad shape. To write this file anew:

```sh
HARDLINE_WRITE_COVERAGE=1 cargo nextest run --workspace -E 'test(every_row_of_the_table_is_proven)'
```

`…/` stands for `/_matrix/client/`.

| tier | endpoint | works in | refuses with | effect seen in | old spellings |
|---|---|---|---|---|---|
";

fn document(world: &World) -> String {
    let mut text = HEAD.to_owned();
    let short = |path: &str| path.replace("/_matrix/client/", "…/");
    for (idx, row) in table::tiers_0_to_2() {
        let proof = world.ledger.of(idx);
        let exception = EXCEPTIONS
            .iter()
            .find(|(name, ..)| table::find(name) == Some(idx));
        let why = |part| match exception {
            Some((_, lacks, why)) if lacks.contains(&part) => format!("– ({why})"),
            _ => "–".to_owned(),
        };
        let old: Vec<String> = spellings::of(idx)
            .iter()
            .map(|spelling| format!("`{}`", short(spelling)))
            .collect();
        let _ = writeln!(
            text,
            "| {} | `{} {}` | {} | {} | {} | {} |",
            row.tier,
            row.method,
            short(row.path),
            proof.success.map_or_else(|| why(Lacks::Success), code),
            proof
                .refusal
                .map_or_else(|| why(Lacks::Refusal), |how| code(&how)),
            proof.effect.map_or_else(|| why(Lacks::Effect), code),
            old.join(" "),
        );
    }
    text
}

fn code(text: &str) -> String {
    format!("`{text}`")
}

fn compare(text: &str) -> Result<()> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/server-coverage.md");
    if std::env::var_os("HARDLINE_WRITE_COVERAGE").is_some() {
        std::fs::write(&path, text).context("docs/server-coverage.md")?;
    }
    let there = std::fs::read_to_string(&path).unwrap_or_default();
    ensure!(
        there == text,
        "docs/server-coverage.md is not current: HARDLINE_WRITE_COVERAGE=1 writes it anew"
    );
    Ok(())
}
