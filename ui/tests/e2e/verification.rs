//! `hardline verify`, followed line by line.

use anyhow::{Context, Result, bail};
use hardline_testkit::{Process, hardline::LIMIT};
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{ChildStdin, ChildStdout},
    time::timeout,
};

use crate::person::Person;

/// A comparison of emoji under way on our side.
#[derive(Debug)]
pub struct Comparison {
    process: Process,
    lines: Lines<BufReader<ChildStdout>>,
    stdin: ChildStdin,
}

impl Comparison {
    /// We ask a person.
    pub fn ask(person: &Person, user_id: &str) -> Result<Self> {
        Self::start(person, &["verify", user_id])
    }

    /// We wait to be asked.
    pub fn await_request(person: &Person) -> Result<Self> {
        Self::start(person, &["verify", "--wait"])
    }

    fn start(person: &Person, args: &[&str]) -> Result<Self> {
        let mut process = person
            .hardline
            .launch()?
            .arg("--json")
            .args(args)
            .pipe_stdin()
            .spawn_piped()?;
        let stdout = process.child.stdout.take().context("no standard output")?;
        let stdin = process.child.stdin.take().context("no standard input")?;
        Ok(Self {
            process,
            lines: BufReader::new(stdout).lines(),
            stdin,
        })
    }

    /// We were asked and say yes.
    pub async fn accept(&mut self) -> Result<()> {
        self.step("asked").await?;
        self.type_line("yes").await
    }

    /// What we see.
    pub async fn emoji(&mut self) -> Result<Value> {
        Ok(self.step("compare").await?["emoji"].clone())
    }

    /// We say they match and wait for the end: the person counts as verified.
    pub async fn say_they_match(&mut self) -> Result<()> {
        self.type_line("yes").await?;
        self.step("done").await?;
        let end = timeout(LIMIT, self.lines.next_line()).await??;
        let end: Value = serde_json::from_str(&end.context("no answer")?)?;
        anyhow::ensure!(end["user_verified"] == true, "{end}");
        let status = self.process.wait(LIMIT).await?;
        anyhow::ensure!(status.success(), "{status}");
        Ok(())
    }

    async fn type_line(&mut self, text: &str) -> Result<()> {
        self.stdin.write_all(format!("{text}\n").as_bytes()).await?;
        Ok(self.stdin.flush().await?)
    }

    async fn step(&mut self, wanted: &str) -> Result<Value> {
        let mut seen = Vec::new();
        loop {
            let line = timeout(LIMIT, self.lines.next_line())
                .await
                .with_context(|| format!("no step {wanted}; saw {seen:?}"))??;
            let Some(line) = line else {
                bail!(
                    "verify ended before {wanted}; saw {seen:?}\n{}",
                    self.process.log()
                )
            };
            let value: Value =
                serde_json::from_str(&line).with_context(|| format!("not JSON: {line}"))?;
            if value["step"] == wanted {
                return Ok(value);
            }
            seen.push(line);
        }
    }
}
