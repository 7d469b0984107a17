//! `simply-mcp config init`: a starter file that documents every setting.

use std::{
    fs::OpenOptions,
    io::{ErrorKind, Write as _},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context as _, bail};
use simply_mcp::config::{StarterFormat, starter_file};

use crate::output;

/// Write a commented starter file, or print it when no file is named.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  simply-mcp config init config.yaml")]
pub(crate) struct Init {
    /// The file to write, ending in .yaml, .yml or .toml; it must not exist yet
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
}

impl Init {
    /// Writes the file.
    ///
    /// # Errors
    ///
    /// When the file exists, cannot be written, or has another ending.
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        match &self.file {
            None => output::result(&starter_file(StarterFormat::Yaml))?,
            Some(path) => {
                write(path, &starter_file(format(path)?))?;
                output::note(&format!("wrote {}", path.display()));
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn format(path: &Path) -> anyhow::Result<StarterFormat> {
    let extension = path.extension().and_then(|extension| extension.to_str());
    match extension.map(str::to_ascii_lowercase).as_deref() {
        Some("yaml" | "yml") => Ok(StarterFormat::Yaml),
        Some("toml") => Ok(StarterFormat::Toml),
        _ => bail!(
            "{}: the name of a configuration file ends in .yaml, .yml or .toml",
            path.display()
        ),
    }
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    let file = OpenOptions::new().write(true).create_new(true).open(path);
    match file {
        Ok(mut file) => file.write_all(text.as_bytes()),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => bail!(
            "{} exists and is left as it is; name another file, or move it away first",
            path.display()
        ),
        Err(error) => Err(error),
    }
    .with_context(|| format!("{} cannot be written", path.display()))
}
