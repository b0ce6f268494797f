//! Browser, operating system and device of a user agent.

use schemas::{Device, UNKNOWN};
use serde::Deserialize;
use ua_parser::{os, user_agent};

/// The rules of uap-core, without those for device models: they are most of its regular
/// expressions, and a device's class is determined without them.
const RULES: &str = include_str!("../data/uap-core.json");

/// Isobar's own rules, which come before those of uap-core: headsets, TVs, WebViews and native HTTP
/// clients, of which uap-core has none or names a part that does not fit.
const OWN_RULES: &str = include_str!("../data/devices.json");

/// Signs of a device's class, the stronger one first: a headset or a TV also names the system it is
/// built on, an iPad calls itself mobile, and Android without `Mobi` is a tablet by the advice of
/// its makers.
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
    // Consoles are on a TV set, but for those that are held in the hands.
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
    // React Native on Android has the agent of its HTTP client alone.
    ("okhttp/", MOBILE),
    // Names of systems in React Native, `Platform.OS`, are in lower case.
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

/// Marks of tablets in agents of native clients, which have no `Mobi` on phones either, so that
/// only the model name identifies them.
const TABLETS: [&str; 8] =
    ["iPad", "Tablet;", "; SM-T", "; SM-X", "; SM-P", "; Pixel Tablet", "; Lenovo TB", "; KF"];

/// Marks of iOS in an agent that claims a Mac: an iPad, or an iPhone, that asks for desktop sites.
/// Safari itself leaves none there, and cannot be distinguished from a Mac's.
const IOS_MARKS: [&str; 7] = ["CriOS/", "FxiOS/", "EdgiOS/", "OPiOS/", "OPT/", "GSA/", " Mobile/"];

/// Bytes of a browser's or a system's name: those of uap-core's own stay well under it, but some
/// rules take the name that the agent gives.
const MAX_FAMILY: usize = 48;

/// Digits of a major version.
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
    /// They are not the JSON that is expected.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// A rule is no regular expression.
    #[error(transparent)]
    Rule(#[from] ua_parser::Error),
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

    /// `name@version` of the rules; `+` the version of Isobar's own.
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

/// The class of a device by the signs in its user agent.
fn class(user_agent: &str) -> &'static str {
    let has = |sign: &&str| user_agent.contains(*sign);
    if is_ipad_as_mac(user_agent) {
        return TABLET;
    }
    let found = CLASSES.iter().find(|(sign, _)| has(sign));
    let class = found.map_or(UNKNOWN, |(_, class)| *class);
    // Only of phones and tablets is the model what decides.
    if class == TABLET && !user_agent.starts_with("Mozilla/") && !TABLETS.iter().any(has) {
        return MOBILE;
    }
    class
}

/// Device of a client without a user agent.
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
