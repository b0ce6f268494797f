//! Parsing of user agents: browser, operating system and device.

use schemas::{Device, UNKNOWN};
use serde::Deserialize;
use ua_parser::{os, user_agent};

/// The rules of uap-core without those for device models, which are most of its regular expressions
/// and not needed for a device's class.
const RULES: &str = include_str!("../data/uap-core.json");

/// Isobar's own rules, which come before those of uap-core: for headsets, TVs, WebViews and native
/// HTTP clients, which uap-core does not know or names inappropriately.
const OWN_RULES: &str = include_str!("../data/devices.json");

/// Marks of a device's class, the most specific first: a headset or a TV also names its base
/// system, an iPad contains `Mobile`, and Android without `Mobi` is a tablet according to its
/// documentation.
const CLASSES: &[(&str, &str)] = &[
    ("OculusBrowser", HEADSET),
    ("; Quest", HEADSET),
    ("; Oculus", HEADSET),
    ("PicoBrowser", HEADSET),
    ("; PICO ", HEADSET),
    ("; Pico ", HEADSET),
    ("Wolvic", HEADSET),
    ("; VIVE ", HEADSET),
    ("; Vive ", HEADSET),
    ("ViveBrowser", HEADSET),
    ("HoloLens", HEADSET),
    ("Magic Leap", HEADSET),
    ("visionOS", HEADSET),
    ("; VR;", HEADSET),
    ("Mobile VR", HEADSET),
    (" VR Safari", HEADSET),
    ("SMART-TV", TV),
    ("SmartTV", TV),
    ("Smart TV", TV),
    ("TV Safari", TV),
    ("Web0S", TV),
    ("webOS.TV", TV),
    ("Android TV", TV),
    ("AndroidTV", TV),
    ("GoogleTV", TV),
    ("Google TV", TV),
    ("BRAVIA", TV),
    // Amazon's Fire TV: AFTKA, AFTMM, …
    ("; AFT", TV),
    ("MiTV", TV),
    ("Mi TV", TV),
    ("MIBOX", TV),
    ("CrKey", TV),
    ("Chromecast", TV),
    ("VIZIO", TV),
    ("SmartCast", TV),
    ("HbbTV", TV),
    ("NetCast", TV),
    ("NETTV", TV),
    ("Viera", TV),
    ("AppleTV", TV),
    ("Apple TV", TV),
    ("tvOS", TV),
    ("Roku", TV),
    ("VIDAA", TV),
    // Consoles count as TVs, except for handheld ones.
    ("PlayStation Vita", MOBILE),
    ("PlayStation Portable", MOBILE),
    ("PlayStation", TV),
    ("PLAYSTATION", TV),
    ("Xbox", TV),
    ("iPad", TABLET),
    ("(Tablet;", TABLET),
    ("(PC; OpenHarmony", DESKTOP),
    ("(2in1; OpenHarmony", DESKTOP),
    ("Mobi", MOBILE),
    ("iPhone", MOBILE),
    // React Native on Android has only the agent of its HTTP client.
    ("okhttp/", MOBILE),
    // React Native writes names of systems (`Platform.OS`) in lower case.
    ("(windows ", DESKTOP),
    ("(macos ", DESKTOP),
    ("react-native/", MOBILE),
    ("(android", MOBILE),
    ("Android", TABLET),
    ("Windows NT", DESKTOP),
    ("Macintosh", DESKTOP),
    ("X11", DESKTOP),
    ("CrOS", DESKTOP),
    ("(x86_64)", DESKTOP),
    // Native clients on iOS; on a Mac with an Intel processor `(x86_64)` follows.
    ("CFNetwork", MOBILE),
    ("Darwin/", MOBILE),
    ("(ios", MOBILE),
    ("(iOS", MOBILE),
    ("; iOS ", MOBILE),
    ("OpenHarmony", MOBILE),
];

const HEADSET: &str = "headset";
const TV: &str = "tv";
const TABLET: &str = "tablet";
const MOBILE: &str = "mobile";
const DESKTOP: &str = "desktop";

/// The system of iPhones and iPads, as uap-core names it.
const IOS: &str = "iOS";

/// Model names of tablets in agents of native clients. These have no `Mobi` on phones either.
const TABLETS: [&str; 8] =
    ["iPad", "Tablet;", "; SM-T", "; SM-X", "; SM-P", "; Pixel Tablet", "; Lenovo TB", "; KF"];

/// Marks of iOS in an agent that claims a Mac: an iPad or iPhone that requests desktop sites.
/// Safari itself has none, and cannot be distinguished from Safari on a Mac.
const IOS_MARKS: [&str; 7] = ["CriOS/", "FxiOS/", "EdgiOS/", "OPiOS/", "OPT/", "GSA/", " Mobile/"];

/// Maximum bytes of the name of a browser or system. Names in uap-core are much shorter, but some
/// rules take the name from the agent.
const MAX_FAMILY: usize = 48;

/// Maximum digits of a major version.
const MAX_DIGITS: usize = 6;

#[derive(Deserialize)]
struct Rules {
    version: String,
    user_agent_parsers: Vec<user_agent::Parser<'static>>,
    os_parsers: Vec<os::Parser<'static>>,
}

/// Error of the embedded rules.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RulesError {
    /// They are not the expected JSON.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// A rule is not a regular expression.
    #[error(transparent)]
    Rule(#[from] ua_parser::Error),
}

/// Parser of user agents.
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
    pub(crate) fn new() -> Result<Self, RulesError> {
        let read = serde_json::from_str::<Rules>;
        let (own, rules) = (read(OWN_RULES)?, read(RULES)?);
        let browsers = user_agent::Builder::new()
            .push_all(own.user_agent_parsers)
            .and_then(|builder| builder.push_all(rules.user_agent_parsers))
            .and_then(|builder| Ok(builder.build()?))?;
        let systems = os::Builder::new()
            .push_all(own.os_parsers)
            .and_then(|builder| builder.push_all(rules.os_parsers))
            .map_err(ua_parser::Error::from)?
            .build()
            .map_err(ua_parser::Error::from)?;
        let version = format!("{}+{}", rules.version, own.version);
        Ok(Self { version, browsers, systems })
    }

    /// Returns `name@version` of the rules, and after `+` the version of Isobar's own.
    pub(crate) fn label(&self) -> String {
        format!("uap-core@{}", self.version)
    }

    /// Reads a user agent; parts that it does not contain are unknown.
    pub(crate) fn read(&self, user_agent: &str) -> Device {
        let browser = self.browsers.extract(user_agent);
        let system = self.systems.extract(user_agent);
        let family = |name: &str| {
            let plain = name.len() <= MAX_FAMILY && !name.chars().any(char::is_control);
            if plain { name } else { UNKNOWN }.to_owned()
        };
        let major = browser.as_ref().and_then(|browser| browser.major);
        Device {
            class: class(user_agent).to_owned(),
            os: match system {
                _ if is_ipad_as_mac(user_agent) => IOS.to_owned(),
                Some(system) => family(&system.os),
                None => UNKNOWN.to_owned(),
            },
            browser_version: major
                .filter(|major| major.len() <= MAX_DIGITS)
                .unwrap_or(UNKNOWN)
                .to_owned(),
            browser: browser.map_or_else(|| UNKNOWN.to_owned(), |found| family(&found.family)),
        }
    }
}

/// Returns true if an agent claims a Mac and has a mark of iOS.
fn is_ipad_as_mac(user_agent: &str) -> bool {
    user_agent.starts_with("Mozilla/5.0 (Macintosh")
        && IOS_MARKS.iter().any(|mark| user_agent.contains(mark))
}

/// Returns the class of a device by the marks in its user agent.
fn class(user_agent: &str) -> &'static str {
    let has = |sign: &&str| user_agent.contains(*sign);
    if is_ipad_as_mac(user_agent) {
        return TABLET;
    }
    let found = CLASSES.iter().find(|(sign, _)| has(sign));
    let class = found.map_or(UNKNOWN, |(_, class)| *class);
    // The model decides only between phones and tablets.
    if class == TABLET && !user_agent.starts_with("Mozilla/") && !TABLETS.iter().any(has) {
        return MOBILE;
    }
    class
}

/// Returns the device of a client without a user agent.
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
