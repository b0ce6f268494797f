//! The programs that the local stack requires on the machine, and how to install them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use deploy::failure::Failure;

/// A required program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Tool {
    /// Runs Kafka.
    Java,
    /// Fetches Kafka.
    Maven,
    /// Fetches ClickHouse and the geo data.
    Npm,
}

impl Tool {
    /// Returns the program by its usual environment variable or the `PATH`.
    #[must_use]
    pub(super) fn program(self) -> PathBuf {
        let home = std::env::var_os("JAVA_HOME").map(|home| Path::new(&home).join("bin/java"));
        match (self, home) {
            (Self::Java, Some(java)) if java.exists() => java,
            _ => PathBuf::from(self.name()),
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Java => "java",
            Self::Maven => "mvn",
            Self::Npm => "npm",
        }
    }

    /// Returns the minimum version and the reason for it.
    const fn oldest(self) -> (&'static [u32], &'static str) {
        match self {
            Self::Java => (&[17], "Kafka 4 needs it"),
            Self::Maven => (&[3, 6, 3], "its dependency plugin needs it"),
            Self::Npm => (&[7], "older ones cannot read the lock files"),
        }
    }

    fn version(self) -> Option<Vec<u32>> {
        let argument = if self == Self::Java { "-version" } else { "--version" };
        let output = Command::new(self.program()).arg(argument).output().ok()?;
        let text = [output.stdout, output.stderr].concat();
        first_version(&String::from_utf8_lossy(&text))
    }

    /// Returns why the tool cannot be used, if it cannot.
    fn problem(self) -> Option<String> {
        let (oldest, why) = self.oldest();
        let name = self.name();
        let wanted = oldest.iter().map(u32::to_string).collect::<Vec<_>>().join(".");
        match self.version() {
            None => Some(format!("{name} {wanted} or newer is missing")),
            Some(found) if found.as_slice() < oldest => {
                let found = found.iter().map(u32::to_string).collect::<Vec<_>>().join(".");
                Some(format!("{name} is {found}, but {wanted} or newer is needed ({why})"))
            }
            Some(_) => None,
        }
    }
}

/// Checks that all of `tools` are installed. The error names all that are not.
///
/// # Errors
/// Names the missing and outdated tools, with the command that installs them.
pub(super) fn require(tools: &BTreeSet<Tool>) -> Result<(), Failure> {
    let problems: Vec<_> = tools.iter().filter_map(|tool| Some((*tool, tool.problem()?))).collect();
    if problems.is_empty() {
        return Ok(());
    }
    let tools: Vec<_> = problems.iter().map(|(tool, _)| *tool).collect();
    let lines: Vec<_> = problems.iter().map(|(_, text)| format!("  {text}")).collect();
    Err(Failure::Refused(format!(
        "the local stack needs more than is on this machine:\n{}\ninstall it with:\n  {}",
        lines.join("\n"),
        install_command(&tools)
    )))
}

/// A package manager: its program, its install command, and the packages of the tools.
struct Manager {
    program: &'static str,
    install: &'static str,
    java: &'static str,
    maven: &'static str,
    npm: &'static str,
}

const MANAGERS: [Manager; 5] = [
    Manager {
        program: "apt-get",
        install: "sudo apt-get install -y",
        // The default version of the distribution: 17 in Debian 12, 21 in Debian 13 and Ubuntu
        // 24.04.
        java: "default-jre-headless",
        maven: "maven",
        npm: "npm",
    },
    Manager {
        program: "dnf",
        install: "sudo dnf install -y",
        java: "java-21-openjdk-headless",
        maven: "maven",
        npm: "nodejs-npm",
    },
    Manager {
        program: "pacman",
        install: "sudo pacman -S --needed",
        java: "jre-openjdk-headless",
        maven: "maven",
        npm: "npm",
    },
    Manager {
        program: "zypper",
        install: "sudo zypper install -y",
        java: "java-21-openjdk-headless",
        maven: "maven",
        npm: "npm-default",
    },
    Manager {
        program: "brew",
        install: "brew install",
        java: "openjdk",
        maven: "maven",
        npm: "node",
    },
];

fn install_command(tools: &[Tool]) -> String {
    let manager = MANAGERS.iter().find(|manager| on_path(manager.program).is_some());
    let manager = manager.unwrap_or(&MANAGERS[0]);
    let packages = tools.iter().map(|tool| match tool {
        Tool::Java => manager.java,
        Tool::Maven => manager.maven,
        Tool::Npm => manager.npm,
    });
    let mut command = manager.install.to_owned();
    for package in packages {
        command.push(' ');
        command.push_str(package);
    }
    command
}

/// Returns the path of `program` on the `PATH`.
#[must_use]
pub(super) fn on_path(program: impl AsRef<Path>) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(&program)).find(|file| file.is_file())
}

/// Returns the version in a program's output: the first number with dots (`openjdk version
/// "17.0.15"`), or else the first number (`openjdk version "21"`). Java 8 reports 1.8, which is
/// also lower than 17.
pub(super) fn first_version(text: &str) -> Option<Vec<u32>> {
    let numbers = || {
        let words = text.split(|letter: char| !letter.is_ascii_digit() && letter != '.');
        words.filter(|word| word.starts_with(|letter: char| letter.is_ascii_digit()))
    };
    let version = numbers().find(|number| number.contains('.')).or_else(|| numbers().next())?;
    version.split('.').map(|part| part.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_found_in_the_output_of_each_tool() {
        let java = "openjdk version \"17.0.15\" 2025-04-15\nOpenJDK Runtime Environment";
        assert_eq!(first_version(java), Some(vec![17, 0, 15]));
        assert_eq!(first_version("java version \"1.8.0_292\""), Some(vec![1, 8, 0]));
        let java = "openjdk version \"21\" 2023-09-19\nOpenJDK Runtime (build 21+35-2513)";
        assert_eq!(first_version(java), Some(vec![21]));
        let maven =
            "\u{1b}[1mApache Maven 3.8.7\u{1b}[m (b89d5959fcde851dcb1c8946a785a163f14e1e29)";
        assert_eq!(first_version(maven), Some(vec![3, 8, 7]));
        assert_eq!(first_version("11.19.1\n"), Some(vec![11, 19, 1]));
        assert_eq!(first_version("command not found"), None);
    }

    #[test]
    fn the_install_command_names_every_missing_tool() {
        let command = install_command(&[Tool::Java, Tool::Maven, Tool::Npm]);
        assert!(command.contains("install") || command.contains("-S"), "{command}");
        assert!(command.split(' ').filter(|word| !word.starts_with('-')).count() >= 5, "{command}");
    }
}
