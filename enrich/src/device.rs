//! What a user agent says about browser, operating system and device.

use schemas::{Device, UNKNOWN};
use serde::Deserialize;
use ua_parser::{os, user_agent};

/// The rules of uap-core, without those for device models: they are most of its regular
/// expressions, and a device's class can be told without them.
const RULES: &str = include_str!("../data/uap-core.json");

/// What shows the class of a device, the stronger sign first: an iPad also calls itself mobile,
/// and Android without `Mobi` is a tablet by the advice of its makers. An iPad that asks for desktop
/// sites cannot be told from a Mac.
const CLASSES: [(&str, &str); 8] = [
    ("iPad", "tablet"),
    ("Mobi", "mobile"),
    ("iPhone", "mobile"),
    ("Android", "tablet"),
    ("Windows NT", "desktop"),
    ("Macintosh", "desktop"),
    ("X11", "desktop"),
    ("CrOS", "desktop"),
];

#[derive(Deserialize)]
struct Rules {
    version: String,
    user_agent_parsers: Vec<user_agent::Parser<'static>>,
    os_parsers: Vec<os::Parser<'static>>,
}

/// Reads user agents.
pub(crate) struct Devices {
    version: String,
    browsers: user_agent::Extractor<'static>,
    systems: os::Extractor<'static>,
}

impl Devices {
    /// Compiles the rules.
    ///
    /// # Errors
    /// When the embedded rules are broken.
    pub(crate) fn new() -> Result<Self, String> {
        let rules: Rules = serde_json::from_str(RULES).map_err(|error| error.to_string())?;
        let browsers = user_agent::Builder::new()
            .push_all(rules.user_agent_parsers)
            .and_then(|builder| Ok(builder.build()?))
            .map_err(|error| error.to_string())?;
        let systems = os::Builder::new()
            .push_all(rules.os_parsers)
            .map_err(|error| error.to_string())?
            .build()
            .map_err(|error| error.to_string())?;
        Ok(Self { version: rules.version, browsers, systems })
    }

    /// `name@version` of the rules.
    pub(crate) fn label(&self) -> String {
        format!("uap-core@{}", self.version)
    }

    /// Reads a user agent; what it does not tell is unknown.
    pub(crate) fn read(&self, user_agent: &str) -> Device {
        let browser = self.browsers.extract(user_agent);
        let system = self.systems.extract(user_agent);
        let class = CLASSES.iter().find(|(sign, _)| user_agent.contains(sign));
        Device {
            class: class.map_or(UNKNOWN, |(_, class)| class).to_owned(),
            os: system.map_or_else(|| UNKNOWN.to_owned(), |system| system.os.into_owned()),
            browser_version: browser
                .as_ref()
                .and_then(|browser| browser.major)
                .unwrap_or(UNKNOWN)
                .to_owned(),
            browser: browser.map_or_else(|| UNKNOWN.to_owned(), |found| found.family.into_owned()),
        }
    }
}

/// The device of a client that told no user agent.
pub(crate) fn unknown() -> Device {
    Device {
        class: UNKNOWN.to_owned(),
        os: UNKNOWN.to_owned(),
        browser: UNKNOWN.to_owned(),
        browser_version: UNKNOWN.to_owned(),
    }
}

#[cfg(test)]
mod tests;
