//! Who may see what: roles and apps, from a token or from a trusted header.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::settings::DashboardSettings;

/// A role.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Sees the combinations of the pages, in cells of five sessions and more.
    #[default]
    Viewer,
    /// May see single participants: any combination and any whole hours.
    Participants,
}

/// Rights of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Access {
    /// Its role.
    pub role: Role,
    /// Its apps; all if `None`.
    pub apps: Option<Vec<String>>,
}

/// Credentials of a request.
#[derive(Clone, Copy, Debug, Default)]
pub struct Credentials<'a> {
    /// The token of `Authorization: Bearer`, or of the cookie `isobar_token`.
    pub token: Option<&'a str>,
    /// The value of the header `dashboard.role_header`.
    pub role: Option<&'a str>,
    /// The value of the header `dashboard.apps_header`.
    pub apps: Option<&'a str>,
}

impl Access {
    /// Returns what a request may see; none if it needs a valid token, or a header that it does not have.
    #[must_use]
    pub fn of(settings: &DashboardSettings, credentials: Credentials<'_>) -> Option<Self> {
        if let Some(token) = credentials.token {
            let known = settings.tokens.iter().find(|known| same(known.token.secret(), token));
            if let Some(known) = known {
                let apps = (!known.apps.is_empty()).then(|| known.apps.clone());
                return Some(Self { role: known.role, apps });
            }
        }
        if !settings.role_header.is_empty() {
            return Self::of_headers(settings, credentials);
        }
        settings.tokens.is_empty().then(Self::default)
    }

    /// A proxy that sets one header must set both, so that a tenant without apps does not see all.
    fn of_headers(settings: &DashboardSettings, credentials: Credentials<'_>) -> Option<Self> {
        let role = match credentials.role? {
            "viewer" => Role::Viewer,
            "participants" => Role::Participants,
            _ => return None,
        };
        if settings.apps_header.is_empty() {
            return Some(Self { role, apps: None });
        }
        let apps: Vec<_> = credentials.apps?.split(',').map(|app| app.trim().to_owned()).collect();
        let apps = if apps == ["*"] { None } else { Some(apps) };
        let is_named = apps.as_ref().is_none_or(|apps| apps.iter().all(|app| !app.is_empty()));
        is_named.then_some(Self { role, apps })
    }
}

/// Compares secrets in a time that does not depend on where they differ.
fn same(known: &str, given: &str) -> bool {
    let (known, given) = (known.as_bytes(), given.as_bytes());
    let differences = known.iter().zip(given).fold(0, |all, (a, b)| all | (a ^ b));
    known.len() == given.len() && differences == 0
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::settings::{Secret, Token};

    fn token(text: &str, role: Role, apps: &[&str]) -> Token {
        let apps = apps.iter().map(|app| (*app).to_owned()).collect();
        Token { token: Secret::of(text), role, apps }
    }

    fn with(token: Option<&str>) -> Credentials<'_> {
        Credentials { token, ..Credentials::default() }
    }

    #[test]
    fn without_tokens_everybody_has_the_default_role() {
        let settings = DashboardSettings::default();
        assert_eq!(Access::of(&settings, with(None)), Some(Access::default()));
        assert_eq!(Access::of(&settings, with(Some("any"))), Some(Access::default()));
        let forged = Credentials { role: Some("participants"), ..Credentials::default() };
        assert_eq!(Access::of(&settings, forged).unwrap().role, Role::Viewer);
    }

    #[test]
    fn a_token_gives_its_role_and_apps_and_none_gives_nothing() {
        let tokens = vec![
            token("secret-of-the-tenant-with-one-app", Role::Viewer, &["one"]),
            token("secret-of-the-one-who-may-see-all", Role::Participants, &[]),
        ];
        let settings = DashboardSettings { tokens, ..DashboardSettings::default() };
        let tenant =
            Access::of(&settings, with(Some("secret-of-the-tenant-with-one-app"))).unwrap();
        assert_eq!(tenant, Access { role: Role::Viewer, apps: Some(vec!["one".to_owned()]) });
        let all = Access::of(&settings, with(Some("secret-of-the-one-who-may-see-all"))).unwrap();
        assert_eq!(all, Access { role: Role::Participants, apps: None });
        for wrong in [None, Some(""), Some("secret"), Some("secret-of-the-one-who-may-see-alL")] {
            assert_eq!(Access::of(&settings, with(wrong)), None, "{wrong:?}");
        }
    }

    #[test]
    fn headers_of_a_proxy_count_only_where_they_are_trusted_and_complete() {
        let settings = DashboardSettings {
            role_header: "x-role".to_owned(),
            apps_header: "x-apps".to_owned(),
            ..DashboardSettings::default()
        };
        let of = |role, apps| Access::of(&settings, Credentials { token: None, role, apps });
        assert_eq!(of(Some("viewer"), None), None);
        assert_eq!(of(Some("admin"), Some("*")), None);
        assert_eq!(of(Some("viewer"), Some("")), None);
        assert_eq!(of(Some("viewer"), Some("a,")), None);
        assert_eq!(of(None, Some("*")), None);
        assert_eq!(of(Some("viewer"), Some("a, b")).unwrap().apps.unwrap(), ["a", "b"]);
        assert_eq!(of(Some("participants"), Some("*")).unwrap().apps, None);
    }
}
